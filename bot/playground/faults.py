"""Faults on order: the next calls of a method fail in a way Slack fails."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("429", "500", "drop_reply", "slow")


@dataclass(slots=True)
class Fault:
    """`method` is a Web API method, "response_url", "upload" or "*".

    kind "429": refused, `seconds` is Retry-After. "500": refused. "drop_reply": carried out, but the connection is
    cut before the answer. "slow": carried out after `seconds`. "error:CODE": refused with that error code.
    """

    method: str
    kind: str
    times: int = 1
    seconds: float = 1.0


class Faults:
    """The faults that are still to happen, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Order a fault; ValueError when there is no such kind."""
        if fault.kind not in KINDS and not fault.kind.startswith("error:"):
            raise ValueError(f"no fault of kind {fault.kind}; there are {', '.join(KINDS)} and error:CODE")
        self._waiting.append(fault)

    def take(self, method: str) -> Fault | None:
        """The fault for this call, used up."""
        for fault in self._waiting:
            if fault.method in (method, "*"):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()

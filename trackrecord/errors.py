"""What went wrong, in words for the person who has to mend it."""

from __future__ import annotations

from collections.abc import Mapping


class TrackrecordError(Exception):
    """Something a person can mend: `message` says what happened, `hint` what to do, `status` is its HTTP status.

    `passing` is true where the same thing may work later without anybody mending it (a server that is down).
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 400, passing: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.passing = passing

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def as_json(self) -> dict[str, object]:
        """The body of an HTTP error: `{"error": {"message", "hint", "passing"}}`."""
        return {"error": {"message": self.message, "hint": self.hint, "passing": self.passing}}

    @classmethod
    def from_json(cls, status: int, body: object) -> TrackrecordError:
        """Read such a body back; anything else becomes a plain sentence with the status."""
        error = body.get("error") if isinstance(body, Mapping) else None
        if not isinstance(error, Mapping):
            return cls(f"The registry answered with HTTP status {status}.", status=status, passing=status >= 500)
        return cls(
            str(error.get("message", "")),
            str(error.get("hint", "")),
            status=status,
            passing=bool(error.get("passing", False)),
        )

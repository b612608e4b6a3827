"""PURE: what a script hands to log() becomes names that the registry takes and numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trackrecord import redact
from trackrecord.report import METRIC

_TAKEN = re.compile(METRIC)
LARGEST_STEP = 2**63 - 1  # what the registry keeps


class Names:
    """The registry's name for every name that a script uses; remembered, because log() asks every time."""

    def __init__(self) -> None:
        self.known: dict[Any, str] = {}

    def of(self, key: object) -> str:
        """The name itself where it is one; else the nearest that is, never the same for two."""
        name = self.known.get(key)
        if name is None:
            name = self._without_secrets(str(key))
            if not _TAKEN.fullmatch(name) or name in self.known.values():
                name = self._near(name)
            if len(self.known) < 100_000:
                self.known[key] = name
        return name

    def _without_secrets(self, name: str) -> str:
        """Two names stay two when what they differ in is taken out."""
        cleaned = redact.text(name)
        return name if cleaned == name else f"{cleaned}-{len(self.known)}"

    def _near(self, name: str) -> str:
        near = re.sub(r"[^A-Za-z0-9_./@:-]+", "_", name).lstrip("_./@:-")[:180]
        if near and len(near) >= len(name) // 2 and near not in self.known.values():
            return near
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{near or 'metric'}-{digest}"


def number(value: Any) -> float | None:
    """A float; None for what is no number. One-element arrays and tensors are numbers, texts are not."""
    if isinstance(value, str | bytes | None):
        return None
    try:
        item = getattr(value, "item", None)
        return float(item() if callable(item) else value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except Exception:  # noqa: BLE001 - the value is the script's: its own code may raise anything
        return None


def whole(step: Any) -> int | None:
    """A step as the registry takes it; None for what is none."""
    try:
        made = int(step)
        return made if made == step and 0 <= made <= LARGEST_STEP else None
    except Exception:  # noqa: BLE001 - as above
        return None


def flat(values: Mapping[Any, Any], above: str = "", depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Nested metrics as names with slashes: {"train": {"loss": 1}} is train/loss."""
    for key, value in values.items():
        if isinstance(value, Mapping) and depth < 10:
            yield from flat(value, f"{above}{key}/", depth + 1)
        else:
            yield (f"{above}{key}" if above else key), value

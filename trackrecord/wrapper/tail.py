"""The end of what a command printed, in memory and in a file: a script's own finish() takes it from there."""

from __future__ import annotations

import os
from pathlib import Path

_KEPT = 256 << 10  # bytes, of which 64 KiB are recorded: until then progress bars shrink to their last state


class Tail:
    """Every piece is in the file at once: a script ends right after its last line."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._content = bytearray()
        self._file = self._make(place)

    def add(self, piece: bytes) -> None:
        """One more piece. Raises OSError where the file cannot be written."""
        self._content += piece
        if len(self._content) <= 2 * _KEPT:
            os.write(self._file, piece)
            return
        del self._content[:-_KEPT]
        fresh = self._place.with_suffix(".new")
        os.close(self._file)
        self._file = self._make(fresh)
        os.write(self._file, self._content)
        fresh.replace(self._place)

    def content(self) -> bytes:
        """What was printed last."""
        return bytes(self._content[-_KEPT:])

    @staticmethod
    def _make(place: Path) -> int:
        return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

"""PURE: what a script printed, as bytes in pieces of any size, becomes the lines that somebody sees at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 16_000  # bytes of one line that are kept: of a progress bar only the last state is of use
_STEERING = re.compile(
    rb"\x1b\[[0-?]{0,100}[ -/]{0,10}[@-~]"  # colours and cursor
    rb"|\x1b[\]PX^_][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)?"  # titles and links
    rb"|\x1b[ -/]{0,10}[0-~]"
)
_BACK = re.compile(rb"[\r\x08]+")


class Lines:
    """Takes pieces of an output and gives its lines, without colours; of a progress bar the last state."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[str]:
        """The lines that are complete now."""
        whole, newline, self._rest = (self._rest + piece).rpartition(b"\n")
        if newline:
            yield from map(_shown, whole.split(b"\n"))
        if len(self._rest) > _LONGEST:
            self._rest = self._rest[-_LONGEST:]

    def end(self) -> Iterator[str]:
        """The last line, when it has no end."""
        rest, self._rest = self._rest, b""
        if rest:
            yield _shown(rest)


def _shown(line: bytes) -> str:
    states = _BACK.split(_STEERING.sub(b"", line[-_LONGEST:]))
    return next((state for state in reversed(states) if state.strip()), b"").decode("utf-8", "replace")

"""PURE: what a script printed, as bytes in pieces of any size, becomes the lines that somebody sees at the end."""

from __future__ import annotations

from collections.abc import Iterator

from trackrecord.terminal import shown

_LONGEST = 16_000  # bytes of one line that are kept: of a progress bar only the last state is of use


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
    return shown(line[-_LONGEST:].decode("utf-8", "replace"))

"""The terminal that a child's output and the panel share, and what we ourselves have to say on it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections import deque
from collections.abc import Callable, Sequence

from trackrecord.wrapper.child import Channel, write_all
from trackrecord.wrapper.pinned import Pinned

_TOGETHER_S = 0.03  # output that comes within so long is written at once, with the panel
_AT_ONCE = 1 << 15  # bytes that are written without waiting for more
_LOWEST, _HIGHEST = 4, 10  # lines of a panel
_NARROWEST = 40  # columns


class Screen:
    """Everything that is written on the terminal goes through here. `write` and `flush` make it a stderr for `say`."""

    encoding = "utf-8"

    def __init__(self, target: int, wake: Callable[[], None]) -> None:
        self.target = target
        self._pinned = Pinned(self.size()[0])
        self._waiting = bytearray()  # of the child's output
        self._said: deque[str] = deque()
        self._ends_line = True
        self._written = 0.0
        self._wake = wake

    def size(self) -> tuple[int, int]:
        """Columns and lines of the window."""
        try:
            columns, lines = os.get_terminal_size(self.target)
        except OSError:
            columns, lines = 0, 0
        return columns or 80, lines or 24

    @property
    def room(self) -> int:
        """How many lines a panel may have; 0: none fits."""
        columns, lines = self.size()
        return min(_HIGHEST, lines - 4) if lines - 4 >= _LOWEST and columns >= _NARROWEST else 0

    @property
    def lost(self) -> bool:
        """The child moves the cursor itself: there is no panel any more."""
        return self._pinned.cursor.lost

    def output(self, piece: bytes) -> bool:
        """A piece of the child's output. False: the terminal is gone."""
        self._waiting += piece
        late = time.monotonic() - self._written > _TOGETHER_S
        return self.flush_output() if late or len(self._waiting) > _AT_ONCE else True

    def due(self) -> float | None:
        """Seconds until output that waits is to be written; None: none waits."""
        return max(0.0, _TOGETHER_S - (time.monotonic() - self._written)) if self._waiting else None

    def flush_output(self) -> bool:
        """Write what waits."""
        if not self._waiting:
            return True
        piece, self._waiting = bytes(self._waiting), bytearray()
        self._written, self._ends_line = time.monotonic(), piece.endswith(b"\n")
        # What we have to say goes between two lines of the child's.
        end = piece.rfind(b"\n") + 1 if self._said else len(piece)
        done = write_all(self.target, self._pinned.output(piece[:end])) and self._speak(force=False)
        return done and (end == len(piece) or write_all(self.target, self._pinned.output(piece[end:])))

    def show(self, lines: Sequence[str]) -> None:
        """Show the panel, or change what it says; not while we are in the background of the terminal."""
        if lines and not self._is_ours():
            lines = ()
        self._send(self._pinned.show(lines) if lines else self._pinned.hide())

    def leave_line(self, lines: Sequence[str]) -> None:
        """The end: what waits, a fresh line, what we have to say, and the panel's last state, which stays."""
        self.flush_output()
        out = self._pinned.hide()
        if not self._ends_line if self.lost else self._pinned.cursor.written:
            out += b"\x1b[0m\r\n"
            self._pinned.cursor.fresh_line()
        self._send(out)
        self._speak(force=True)
        self._send("".join(f"{line}\n" for line in lines).encode())

    def resized(self) -> None:
        """The window has another size."""
        self._send(self._pinned.erase())
        self._pinned.cursor.width = self.size()[0]

    def away(self) -> None:
        """Somebody else has the terminal for a while (Ctrl-Z)."""
        self.flush_output()
        self._send(self._pinned.erase())

    def back(self) -> None:
        """It is ours again."""
        self._pinned.cursor.width = self.size()[0]
        self._pinned.cursor.fresh_line()

    def write(self, text: str) -> int:
        """A line of ours, from any thread: it is shown when the child's line is finished."""
        self._said.append(text)
        self._wake()
        return len(text)

    def flush(self) -> None:
        """Part of being a stream; the loop writes."""

    def isatty(self) -> bool:
        return True

    def speak(self) -> None:
        """Write the lines of ours that wait, where the child's line is finished."""
        self._speak(force=False)

    def _speak(self, *, force: bool) -> bool:
        cursor = self._pinned.cursor
        if not self._said or (not force and (cursor.lost or cursor.written or self._waiting)):
            return True
        said = "".join(self._said.popleft() for _ in range(len(self._said)))
        return write_all(self.target, self._pinned.output(said.replace("\n", "\r\n").encode("utf-8", "replace")))

    def _is_ours(self) -> bool:
        try:
            return os.tcgetpgrp(self.target) == os.getpgrp()
        except OSError:  # a terminal that is not the one we were started from
            return True

    def _send(self, data: bytes) -> None:
        if data:
            write_all(self.target, data)


def channel_for_panel(channels: Sequence[Channel]) -> Channel | None:
    """The channel to the terminal that a panel can share; None where it would meet what it cannot see.

    stderr must be a terminal that can move its cursor, and stdout the same one, or something that is not shown.
    """
    if os.environ.get("TERM", "") in ("", "dumb") or not os.isatty(2):
        return None
    if not os.isatty(1):
        try:
            kind = os.fstat(1).st_mode
        except OSError:
            kind = stat.S_IFREG
        if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
            return None
    return next((each for each in reversed(channels) if each.terminal), None)


def width_of_table() -> int:
    """Columns for the trace where there is no terminal."""
    return min(120, max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns))

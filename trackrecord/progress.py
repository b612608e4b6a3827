"""An upload on a terminal: one line that says how far, how fast and how long. Where nobody watches it says nothing."""

from __future__ import annotations

import os
import time
from collections import deque
from types import TracebackType
from typing import NamedTuple, Self, TextIO

_AFTER_S = 1.0  # what is quicker than this needs no line
_EVERY_S = 0.1
_RATE_OVER_S = 5.0
_BAR = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HINT, _SHORT_HINT = " (Ctrl-C: `trackrecord sync` sends the rest)", " (Ctrl-C: later)"


class Sending(NamedTuple):
    """An upload under way: which of how many files, and how many bytes of all of them together."""

    digest: str
    number: int
    files: int
    done: int
    size: int


class Line:
    """The line on `stream`, from a second after it was made; cleared at the end. Nothing in here raises."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.watched = _is_terminal(stream)  # the terminal is there
        self.moved = float("-inf")  # when bytes were last seen to move, by time.monotonic(); never, where none watches
        self._begun = self._drawn = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque()  # when, bytes done by then
        self._most = -1
        self._width = 0  # of what stands there

    @property
    def standing(self) -> bool:
        """Whether a line stands there now: whoever watches has read what Ctrl-C does."""
        return self._width > 0

    def show(self, sending: Sending | None) -> None:
        """Take note of how far it is, and draw it where that is due."""
        if not self.watched or sending is None:
            return
        now = time.monotonic()
        if not self._seen or sending.done != self._seen[-1][1]:
            if self._seen and sending.done < self._seen[-1][1]:
                self._seen.clear()  # it began again
            self._seen.append((now, sending.done))
        if sending.done > self._most:  # sending the same bytes again and again gets nowhere
            self._most, self.moved = sending.done, now
        while len(self._seen) > 2 and self._seen[1][0] < now - _RATE_OVER_S:
            self._seen.popleft()
        if now - self._begun >= _AFTER_S and now - self._drawn >= _EVERY_S:
            self._drawn = now
            since, before = self._seen[0]
            rate = (sending.done - before) / (now - since) if now > since else 0.0
            self._put(drawn(sending, rate, self._columns(), self._blocks()))

    def clear(self) -> None:
        """Take the line away, so that another can be written; the next one waits a second again."""
        self._begun = time.monotonic()
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def _put(self, text: str) -> None:
        # Spaces over what stood there, not an escape: every terminal knows them.
        before, self._width = self._width, len(text)  # first: Ctrl-C may come as soon as it is read
        self._write("\r" + text.ljust(before))

    def _write(self, text: str) -> None:
        try:
            assert self._stream is not None
            self._stream.write(text)
            self._stream.flush()
        except Exception:  # noqa: BLE001 - the terminal was closed, or it is the script's own object
            self.watched, self.moved = False, float("-inf")

    def _columns(self) -> int:
        try:
            assert self._stream is not None
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _blocks(self) -> bool:
        try:
            _EIGHTHS.encode(getattr(self._stream, "encoding", None) or "ascii")
        except (UnicodeError, LookupError):
            return False
        return True


def drawn(sending: Sending, rate: float, columns: int, blocks: bool) -> str:
    """PURE: the line, with what a terminal of so many columns has room for. `rate`: bytes a second."""
    number, unit = next(
        (each for each in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if sending.size >= each[0]), (1.0, "bytes")
    )
    files = "1 file" if sending.files == 1 else f"{sending.number} of {sending.files} files"
    head = f"uploading {files}, {_short(sending.done / number)} of {_short(sending.size / number)} {unit}"
    bar = f" {_bar(sending.done / sending.size if sending.size else 1.0, blocks)}"
    left = sending.size - sending.done
    pace = f" {_rate(rate)}, {_left(left / rate)}" if rate > 0 and left > 0 else " waiting for the registry"
    for text in (head + bar + pace + _HINT, head + bar + pace + _SHORT_HINT, f"{head},{pace}{_SHORT_HINT}"):
        if len(text) < columns:
            return text
    return head[: columns - 1]


def _bar(share: float, blocks: bool) -> str:
    full, part = divmod(int(min(1.0, share) * _BAR * 8), 8)
    if not blocks:
        return f"[{'#' * full:<{_BAR}}]"
    return f"▕{'█' * full + (_EIGHTHS[part] if part else ''):<{_BAR}}▏"


def _rate(rate: float) -> str:
    return f"{_short(rate / 1e6)} MB/s" if rate >= 1e6 else f"{_short(rate / 1e3)} kB/s"


def _left(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.0f} h left"


def _short(number: float) -> str:
    """Three digits or so: 1.23, 12.3, 123."""
    return f"{number:.0f}" if number >= 100 or number == int(number) else f"{number:.1f}"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except Exception:  # noqa: BLE001 - closed, or the script's own object
        return False

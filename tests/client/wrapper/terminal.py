"""A terminal for the tests: a real pseudo-terminal with a process on it, and what somebody would see in its window."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CSI = re.compile(r"\x1b\[(\??)([0-9;]*)([@-~])")


class Window:
    """Rows of a terminal's window, and what was scrolled out above it. Steered as xterm is."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.lines: list[list[str]] = [[]]  # all there ever were; the window shows the last `rows` of them
        self.row, self.column, self.top, self._kept = 0, 0, 0, (0, 0)
        self.unknown: set[str] = set()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def text(self) -> list[str]:
        """Every line from the first to the last one that is not blank, without what is blank at its end."""
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip("\n").split("\n")

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        self._rest, at = "", 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _CSI.match(text, at)
                if text[at : at + 2] in ("\x1bD", "\x1b7", "\x1b8"):
                    self._short(text[at + 1])
                    at += 2
                    continue
                if found is None:
                    if len(text) - at < 30 and re.fullmatch(r"\x1b(\[[?0-9;]*)?", text[at:]):
                        self._rest = text[at:]
                        return
                    self.unknown.add(text[at : at + 3])
                    at += 2
                    continue
                self._steer(found[1] + found[3], found[2])
                at = found.end()
            else:
                self._sign(text[at])
                at += 1

    def _steer(self, what: str, given: str) -> None:
        count = int(given.partition(";")[0] or 0)
        line = self._line()
        if what == "A":
            self.row = max(self.top, self.row - max(1, count))
        elif what == "B":
            self.row = min(self.top + self.rows - 1, self.row + max(1, count))
        elif what == "C":
            self.column = min(self.columns - 1, self.column + max(1, count))
        elif what == "D":
            self.column = max(0, min(self.column, self.columns - 1) - max(1, count))
        elif what == "G":
            self.column = max(0, count - 1)
        elif what == "H":
            down, _, right = given.partition(";")
            self.row, self.column = self.top + int(down or 1) - 1, int(right or 1) - 1
        elif what == "K":
            line[:] = [] if count == 2 else line[: self.column]
        elif what == "J":
            if count == 2:
                self.lines[self.top :] = [[] for _ in self.lines[self.top :]]
            else:
                line[:] = line[: self.column]
                self.lines[self.row + 1 :] = [[] for _ in self.lines[self.row + 1 :]]
        elif what not in ("m", "?h", "?l"):
            self.unknown.add(what)

    def _short(self, what: str) -> None:
        if what == "D":
            self.row += 1
            self._line()
        elif what == "7":
            self._kept = self.row - self.top, self.column  # of the window: what scrolls meanwhile is not followed
        else:
            self.row, self.column = self.top + self._kept[0], self._kept[1]

    def _sign(self, sign: str) -> None:
        if sign == "\n":
            self.row += 1
            self._line()
        elif sign == "\r":
            self.column = 0
        elif sign == "\b":
            self.column = max(0, min(self.column, self.columns - 1) - 1)
        elif sign == "\t":
            self.column = min(self.columns - 1, (self.column // 8 + 1) * 8)
        elif unicodedata.combining(sign):
            line = self._line()
            if 0 < self.column <= len(line):
                line[self.column - 1] += sign
        elif sign >= " ":
            wide = 2 if unicodedata.east_asian_width(sign) in "WF" else 1
            if self.column + wide > self.columns:
                self.row, self.column = self.row + 1, 0
            line = self._line()
            line.extend(" " * (self.column + wide - len(line)))
            line[self.column : self.column + wide] = [sign, ""][:wide]
            self.column += wide

    def _line(self) -> list[str]:
        while self.row >= len(self.lines):
            self.lines.append([])
        self.top = max(self.top, self.row - self.rows + 1)
        return self.lines[self.row]


class Terminal:
    """A process on a pseudo-terminal, in a session of its own: Ctrl-C and Ctrl-Z are what they are for a person."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        rows: int = 24,
        columns: int = 100,
        files: Mapping[int, int] | None = None,
    ) -> None:
        """`files`: what stands in the place of its stdout (1) or stderr (2)."""
        self.window = Window(rows, columns)
        self.raw = b""
        self.status: int | None = None
        self.pid, self._terminal = os.forkpty()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                for target, source in (files or {}).items():
                    os.dup2(source, target)
                while os.get_terminal_size(0).columns != columns:
                    time.sleep(0.001)
                os.execvpe(words[0], list(words), {"TERM": "xterm-256color", **environ})
            finally:
                os._exit(99)
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.window.rows, self.window.columns = rows, columns

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def look(self, seconds: float) -> bool:
        """Read for so long at most. False: nobody has the terminal open any more."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            return False
        self.raw += data
        self.window.feed(data)
        return bool(data)

    def until(self, what: Callable[[], bool], seconds: float = 30.0) -> None:
        """Read until something is so; fails when it does not come."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "\n".join(self.window.text)
            self.look(0.02)

    def shows(self, words: str) -> bool:
        return any(words in line for line in self.window.text)

    def wait(self, seconds: float = 60.0) -> int:
        """Read to the end; returns the exit code, negative for a signal."""
        end = time.monotonic() + seconds
        while self.status is None:
            assert time.monotonic() < end, "\n".join(self.window.text)
            alive = self.look(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG if alive else 0)
            self.status = status if pid else None
        while select.select([self._terminal], [], [], 0.05)[0] and self.look(0):
            pass
        return os.waitstatus_to_exitcode(self.status)

    def close(self) -> None:
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)

"""A panel that stays under the output of a child: taken away before its bytes, put back after them, beneath an
unfinished line. A child that moves the cursor about has the screen for itself.

The terminal itself remembers where the cursor is: what somebody types is echoed without our seeing it.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence

_MOST_COLOURS = 200  # bytes of colour settings that are given back after the panel
_GAP = 2  # lines from the cursor to the panel: an echoed line end must not land in it
_SAVE, _RESTORE = "\x1b7", "\x1b8"
_CLEAR_BELOW = "\x1b[0m\x1b[B\r\x1b[J"

_SEQUENCE = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]{0,100})m"
    r"|\x1b\[(?P<count>[0-9]{0,5})(?P<move>[CDG])"
    r"|\x1b\[(?:[0-2]?K|\?(?:25|12|2004|2026|1004)[hl]|6n|c)"  # what leaves the cursor where it is
    r"|\x1b\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[()][A-Z0-9]|\x1b[=>]"
)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]{0,100}[ -/]{0,4}|\][^\x07\x1b]{0,4000}\x1b?|[()])?\Z")
_TEXT = re.compile(r"[\x20-\x7e]+")


class Cursor:
    """What an output does to a terminal's cursor. `lost`: it moves about, and nobody can tell where it is any more."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.column = 0
        self.written = False  # the line has something on it
        self.lost = False
        self.colours = ""  # what must be set again after the panel
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def free(self) -> bool:
        """Whether a panel can be drawn now: between whole signs and sequences, and not behind a line's last column."""
        return not (self.lost or self._rest or self._decoder.getstate()[0]) and (
            self.column < self.width and len(self.colours) < _MOST_COLOURS
        )

    def feed(self, piece: bytes) -> None:
        """Follow what is written."""
        text = self._rest + self._decoder.decode(piece)
        self._rest = ""
        at = 0
        while at < len(text) and not self.lost:
            plain = _TEXT.match(text, at)
            if plain:
                self._forward(plain.end() - at)
                at = plain.end()
            elif text[at] == "\x1b":
                at = self._sequence(text, at)
            else:
                self._sign(text[at])
                at += 1

    def fresh_line(self) -> None:
        """Somebody else wrote on the terminal, and left it at the beginning of a line."""
        self.column, self.written = 0, False

    def _sequence(self, text: str, at: int) -> int:
        found = _SEQUENCE.match(text, at)
        if found is None:
            if _BEGUN.match(text, at):
                self._rest = text[at:]
                return len(text)
            self.lost = True
            return at
        if found["sgr"] is not None:
            self._colour(found["sgr"])
        elif found["move"]:
            count = max(1, int(found["count"] or 1))
            last = self.width - 1
            moved = {"C": min(self.column, last) + count, "D": min(self.column, last) - count, "G": count - 1}
            self.column = min(last, max(0, moved[found["move"]]))
        return found.end()

    def _colour(self, codes: str) -> None:
        if codes.strip("0;") == "":
            self.colours = ""
        else:
            self.colours += f"\x1b[{codes}m"

    def _sign(self, sign: str) -> None:
        if sign == "\n":
            self.fresh_line()
        elif sign == "\r":
            self.column = 0
        elif sign == "\b":
            self.column = max(0, min(self.column, self.width - 1) - 1)
        elif sign == "\t":
            self.column = min(self.width - 1, (self.column // 8 + 1) * 8)
        elif sign >= "\xa0":
            self._wide(sign)

    def _wide(self, sign: str) -> None:
        if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
            return
        double = unicodedata.east_asian_width(sign) in "WF"
        if double and self.column == self.width - 1:
            self.column = self.width  # it goes to the next line as a whole
        self._forward(2 if double else 1)

    def _forward(self, count: int) -> None:
        """So many columns, over the line's end into the next ones; full to the last column, it waits there."""
        self.column += count
        self.written = True
        if self.column > self.width:
            self.column = (self.column - 1) % self.width + 1


class Pinned:
    """The bytes that show a panel under an output. It writes nothing itself."""

    def __init__(self, width: int) -> None:
        self.cursor = Cursor(width)
        self._lines: Sequence[str] = ()
        self._shown = False

    def output(self, piece: bytes) -> bytes:
        """The bytes for a piece of the child's output: the panel goes away, and comes back where that can be."""
        away = self.erase()
        self.cursor.feed(piece)
        return away + piece + self._draw()

    def show(self, lines: Sequence[str]) -> bytes:
        """The bytes for a panel of these lines; none where it stands there already."""
        same = self._shown and list(lines) == list(self._lines)
        self._lines = lines
        return b"" if same else self._draw()

    def hide(self) -> bytes:
        """The bytes that take it away for good; `show` brings it back."""
        self._lines = ()
        return self.erase()

    def erase(self) -> bytes:
        """The bytes that take it off the screen for now."""
        if not self._shown:
            return b""
        self._shown = False
        return f"{_SAVE}{_CLEAR_BELOW}{_RESTORE}{self.cursor.colours}".encode()

    def _draw(self) -> bytes:
        if not self._lines or not self.cursor.free:
            return b""
        self._shown = True
        below = _GAP + len(self._lines) - 1
        room = "\x1bD" * below + f"\x1b[{below}A"  # the window scrolls where it must, before the place is remembered
        body = "\r\n".join(self._lines)
        gap = f"\x1b[{_GAP - 1}B"
        return f"{room}{_SAVE}{_CLEAR_BELOW}{gap}{body}{_RESTORE}{self.cursor.colours}".encode()

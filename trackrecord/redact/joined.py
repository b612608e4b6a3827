"""PURE: what is written over several lines: one that ends in a backslash, string literals that stand side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_MOST_LINES, _MOST_SIGNS = 60, 8_000

# A line that begins with a literal, also in a notebook's cell.
_OPENS = r"\n%s[ \t]{0,80}+(?=[\"'`+.&rbufRBUF\\])(?:[\"'][ \t]{0,40})?(?:[+.&][ \t]{0,40})?[rbufRBUF]{0,2}\\?[\"'`]"
_GOES_ON = r"\n%s[ \t]{0,80}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Lines from `start` to `end` as one."""

    start: int
    end: int
    text: str


def windows(text: str, *, in_a_patch: bool) -> Iterator[Joined]:
    """Every stretch of lines that go on in one another, with what stands between them taken out."""
    literals = list(_of_literals(text, in_a_patch))
    ends = {text.find("\n", start) for start, _ in literals}
    seams = sorted([*literals, *(each for each in _of_backslashes(text, in_a_patch) if each[0] + 1 not in ends)])
    at = 0
    while at < len(seams):
        start = before = text.rfind("\n", 0, seams[at][0]) + 1
        parts: list[str] = []
        while True:
            parts.append(text[before : seams[at][0]])
            before, at = seams[at][1], at + 1
            end = text.find("\n", before)
            end = len(text) if end < 0 else end
            if at == len(seams) or seams[at][0] > end or len(parts) == _MOST_LINES or before - start > _MOST_SIGNS:
                break
        yield Joined(start, end, "".join([*parts, text[before : min(end, before + _MOST_SIGNS)]]))


def _of_literals(text: str, in_a_patch: bool) -> Iterator[tuple[int, int]]:
    for found in _compiled(_OPENS, in_a_patch).finditer(text):
        closed = _closed(text[max(0, found.start() - 60) : found.start()])
        if closed:
            yield found.start() - closed, found.end()


def _closed(line: str) -> int:
    """How long the end of a line that ends with a literal is, from its quote on; 0 where it ends otherwise."""
    left = line.rstrip("\r")
    left = left[:-4] if left.endswith(('\\n",', "\\n',")) else left
    left = left.removesuffix("\\").rstrip(" \t")
    left = left[:-1].rstrip(" \t") if left.endswith(("+", ".", "&")) else left
    if not left.endswith(('"', "'", "`")):
        return 0
    return len(line) - len(left[:-1].removesuffix("\\"))


def _of_backslashes(text: str, in_a_patch: bool) -> Iterator[tuple[int, int]]:
    at = text.find("\\\n")
    while at >= 0:
        found = _compiled(_GOES_ON, in_a_patch).match(text, at + 1)
        if found:
            yield at, found.end()
        at = text.find("\\\n", at + 1)


@cache
def _compiled(pattern: str, in_a_patch: bool) -> re.Pattern[str]:
    return re.compile(pattern.replace("%s", "[-+ ]" if in_a_patch else ""))

"""PURE: draw an answer for a terminal: aligned tables, notes, code to copy, charts as blocks and a sentence."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import assert_never

from trackrecord.answer import Answer, Cell, Chart, Code, Facts, Link, Note, Part, Series, Table
from trackrecord.voice import clean

_BLOCKS = "▁▂▃▄▅▆▇█"
_CODES = {"good": "32", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}
_SIGNS = {"plain": "", "good": "", "warn": "! ", "bad": "!! "}


def draw(
    answer: Answer, *, base_url: str = "", colour: bool = False, width: int = 100, prefix: str = "trackrecord "
) -> str:
    """The answer as lines. `base_url` makes the registry's own links whole; `prefix` stands before a next question."""
    pen = _Pen(base_url.rstrip("/"), colour, max(40, width))
    parts = [pen.paint(clean(answer.title), "bold")] if answer.title else []
    parts += ["\n".join(pen.part(part)) for part in answer.parts]
    if not answer.parts:
        parts += ["\n".join(pen.note(Note(answer.text, answer.tone)))]
    nexts = [
        pen.paint(f"next: {prefix}{each.question} {each.words}".rstrip(), "dim", label=each.label)
        for each in answer.follow_ups
    ]
    if nexts:
        parts.append("\n".join(nexts))
    return "\n\n".join(part for part in parts if part) + "\n"


class _Pen:
    def __init__(self, base_url: str, colour: bool, width: int) -> None:
        self.base_url, self.colour, self.width = base_url, colour, width

    def paint(self, text: str, tone: str, *, label: str = "") -> str:
        text = clean(text) + (f"  ({clean(label)})" if label else "")
        code = _CODES.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def part(self, part: Part) -> Iterator[str]:
        match part:
            case Note():
                yield from self.note(part)
            case Facts():
                yield from self._facts(part)
            case Table():
                yield from self._table(part)
            case Code():
                yield from self._titled(part.title)
                # As it is, so that it can be copied: no indent, no colour, no wrapping.
                yield from clean(part.text, lines=True).rstrip("\n").split("\n")
            case Chart():
                yield from self._chart(part)
            case Link():
                url = self.base_url + part.url if part.url.startswith("/") else part.url
                yield f"{clean(part.text)}: {clean(url)}"
            case _:
                assert_never(part)

    def note(self, note: Note) -> Iterator[str]:
        sign = _SIGNS.get(note.tone, "")
        for number, paragraph in enumerate(note.text.split("\n")):
            text = clean((sign if number == 0 else "") + paragraph)
            for line in _wrapped(text, self.width):
                yield self.paint(line, note.tone)

    def _titled(self, title: str) -> Iterator[str]:
        if title:
            yield self.paint(title, "bold")

    def _facts(self, facts: Facts) -> Iterator[str]:
        yield from self._titled(facts.title)
        wide = max((columns_of(clean(label)) for label, _ in facts.pairs), default=0)
        for label, value in facts.pairs:
            lines = _wrapped(clean(value), max(20, self.width - wide - 2)) or [""]
            yield f"{self.paint(_padded(clean(label), wide), 'dim')}  {lines[0]}"
            yield from (f"{' ' * (wide + 2)}{line}" for line in lines[1:])

    def _table(self, table: Table) -> Iterator[str]:
        yield from self._titled(table.title)
        rows = [[_cell(cell) for cell in row] for row in table.rows]
        heads = [clean(column) for column in table.columns]
        many = max([len(heads), *(len(row) for row in rows)], default=0)
        heads += [""] * (many - len(heads))
        rows = [row + [""] * (many - len(row)) for row in rows]
        wides = [max([columns_of(heads[at]), *(columns_of(row[at]) for row in rows)]) for at in range(many)]
        right = [at < len(table.align) and table.align[at] == "right" for at in range(many)]
        yield self.paint(_line(heads, wides, right), "dim")
        yield from (_line(row, wides, right) for row in rows)
        if table.cut:
            yield self.paint(f"… and {table.cut} more", "dim")

    def _chart(self, chart: Chart) -> Iterator[str]:
        yield from self._titled(chart.title)
        if chart.kind == "bar":
            yield from _bars(chart, self.width)
        else:
            names = max((columns_of(clean(line.name)) for line in chart.series), default=0)
            for line in chart.series:
                if line.ys:
                    yield f"{_padded(clean(line.name), names)}  {sparks(line.ys, 40)}  {_ends(line)}"
        yield from (self.paint(line, "dim") for line in _wrapped(clean(chart.alt), self.width))


def _line(cells: Sequence[str], wides: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(
        _padded(cell, wide, right=side) for cell, wide, side in zip(cells, wides, right, strict=True)
    ).rstrip()


def _cell(cell: Cell) -> str:
    return "" if cell is None else clean(f"{cell:.6g}" if isinstance(cell, float) else str(cell))


def _bars(chart: Chart, width: int) -> Iterator[str]:
    series = chart.series[0] if chart.series else Series("", (), ())
    labels = [clean(label) for label in chart.labels][: len(series.ys)]
    wide = max((columns_of(label) for label in labels), default=0)
    longest = max(map(abs, series.ys), default=0.0) or 1.0
    room = max(10, min(40, width - wide - 14))
    for label, value in zip(labels, series.ys, strict=False):
        filled = round(room * (abs(value) / longest))
        yield f"{_padded(label, wide)}  {'█' * filled or '▏'} {value:.6g}"


def sparks(values: Sequence[float], columns: int) -> str:
    """One block per bucket, as high as the bucket's value that is farthest from the median: no spike is lost."""
    scale = max(map(abs, values)) or 1.0  # between -1 and 1 no difference overflows
    ys = [value / scale for value in values]
    middle = sorted(ys)[len(ys) // 2]
    count = min(columns, len(ys))
    edges = [round(at * len(ys) / count) for at in range(count + 1)]
    shown = [max(ys[start:stop], key=lambda y: abs(y - middle)) for start, stop in pairwise(edges)]
    low, spread = min(ys), max(ys) - min(ys)
    return "".join(_BLOCKS[min(7, int(8 * (y - low) / spread)) if spread > 0 else 3] for y in shown)


def _ends(line: Series) -> str:
    said = f"{line.ys[0]:.4g} -> {line.ys[-1]:.4g}" if len(line.ys) > 1 else f"{line.ys[0]:.4g}"
    if line.best is not None and 0 <= line.best < len(line.ys):
        said += f", best {line.ys[line.best]:.4g} at {line.xs[line.best]:g}"
    return said


def _wrapped(text: str, width: int) -> list[str]:
    if columns_of(text) <= width:
        return [text]
    # Wide letters count twice; half the width is right for a line that is full of them.
    narrow = width if columns_of(text) == len(text) else max(20, width // 2)
    return textwrap.wrap(text, narrow, break_long_words=False, break_on_hyphens=False) or [""]


def _padded(text: str, wide: int, *, right: bool = False) -> str:
    gap = " " * max(0, wide - columns_of(text))
    return gap + text if right else text + gap


def fitted(text: str, room: int) -> str:
    """The text in so many columns; one that is too long ends with …"""
    if columns_of(text) <= room:
        return text
    while text and columns_of(text) > room - 1:
        text = text[: min(len(text) - 1, room)]
    return f"{text}…" if room > 0 else ""


def columns_of(text: str) -> int:
    """Columns that a terminal takes for it."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(sign) or sign in "\u200c\u200d\ufe0f"
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )

"""PURE: one part of an answer -> its blocks, each inside Slack's limits, all text where Slack parses nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot import limits
from trackrecord.answer import Chart, Code, Facts, Note, Table, Tone

Block = dict[str, Any]

# A sign before the words; the words carry the meaning.
_SIGNS: dict[Tone, str] = {"good": "white_check_mark", "warn": "warning", "bad": "x"}
_FACT_LABEL = 200
_FACT_VALUE = 500
_TEXT_TABLE_COLUMN = 24
_FEW_LINES = 5


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a part became, and how many characters it weighs in its message."""

    blocks: tuple[Block, ...]
    weight: int


def text(words: str, limit: int = limits.RICH, *, bold: bool = False, code: bool = False) -> Block:
    """A piece of rich text: Slack shows it letter by letter as it is."""
    piece: Block = {"type": "text", "text": limits.cut(limits.clean(words), limit)}
    style = {name: True for name, wanted in (("bold", bold), ("code", code)) if wanted}
    return {**piece, "style": style} if style else piece


def rich(*pieces: Block) -> Block:
    """A block of one rich text section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(pieces)}]}


def remark(words: str) -> Block:
    """A small grey line."""
    element = {"type": "plain_text", "text": limits.cut(limits.clean(words), limits.RICH), "emoji": False}
    return {"type": "context", "elements": [element]}


def sign(tone: Tone) -> list[Block]:
    name = _SIGNS.get(tone)
    return [{"type": "emoji", "name": name}, {"type": "text", "text": " "}] if name else []


def note(part: Note) -> Drawn:
    piece = text(part.text)
    return Drawn((rich(*sign(part.tone), piece),), len(piece["text"]))


def facts(part: Facts) -> Drawn:
    """One line a fact: a bold label and its value."""
    pieces: list[Block] = [text(part.title, limits.TITLE, bold=True)] if part.title.strip() else []
    weight = sum(len(piece["text"]) for piece in pieces)
    for index, (label, value) in enumerate(part.pairs):
        pair = [text(limits.line(label) + ": ", _FACT_LABEL, bold=True), text(limits.line(value), _FACT_VALUE)]
        size = sum(len(piece["text"]) for piece in pair)
        if weight + size > limits.RICH:
            pieces += [*_break(pieces), text(f"(+{len(part.pairs) - index:,} more)")]
            break
        pieces += [*_break(pieces), *pair]
        weight += size + 1
    return Drawn((rich(*(pieces or [text("-")])),), weight)


def _break(pieces: list[Block]) -> list[Block]:
    return [{"type": "text", "text": "\n"}] if pieces else []


def table(part: Table) -> Drawn:
    """A table block of raw text. Rows and columns that do not fit are counted under it."""
    if not part.columns:
        return note(Note(part.title or "An empty table."))
    columns = part.columns[: limits.COLUMNS]
    rows = [[_cell(name) for name in columns]]
    weight = sum(map(limits.length, rows[0]))
    for values in part.rows[: limits.ROWS - 1]:
        row = [_cell(values[index] if index < len(values) else None) for index in range(len(columns))]
        size = sum(map(limits.length, row))
        if weight + size > limits.TABLE_CHARS:
            break
        rows.append(row)
        weight += size
    grid: Block = {
        "type": "table",
        "column_settings": [{"align": _align(part, index), "is_wrapped": True} for index in range(len(columns))],
        "rows": [[{"type": "raw_text", "text": cell} for cell in row] for row in rows],
    }
    blocks = [*_heading(part.title), grid]
    left_out = _left_out(len(part.rows) - len(rows) + 1 + part.cut, len(part.columns) - len(columns))
    if left_out:
        blocks.append(remark(left_out))
    return Drawn(tuple(blocks), weight + min(len(part.title), limits.TITLE))


def text_table(part: Table) -> Drawn:
    """A table as fixed-width text: for where a table block may not stand (a second one, Home)."""
    if not part.columns:
        return note(Note(part.title or "An empty table."))
    columns = part.columns[: limits.COLUMNS]
    grid = [[limits.cut(_cell(name), _TEXT_TABLE_COLUMN) for name in columns]]
    for row in part.rows[: limits.ROWS]:
        values = [row[index] if index < len(row) else None for index in range(len(columns))]
        grid.append([limits.cut(_cell(value), _TEXT_TABLE_COLUMN) for value in values])
    widths = [max(len(row[index]) for row in grid) for index in range(len(columns))]
    lines = [_text_row(part, row, widths) for row in grid]
    kept = _lines_within(lines, limits.RICH)
    blocks = [*_heading(part.title), _preformatted("\n".join(lines[:kept]))]
    left_out = _left_out(len(part.rows) + 1 - kept + part.cut, len(part.columns) - len(columns))
    if left_out:
        blocks.append(remark(left_out))
    return Drawn(tuple(blocks), sum(map(len, lines[:kept])) + min(len(part.title), limits.TITLE))


def _text_row(part: Table, row: list[str], widths: list[int]) -> str:
    cells = (
        cell.rjust(width) if _align(part, index) == "right" else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip() or "-"


def _cell(value: object) -> str:
    return limits.cut(limits.line("-" if value is None else str(value)), limits.CELL)


def _align(part: Table, index: int) -> str:
    return part.align[index] if index < len(part.align) else "left"


def _left_out(rows: int, columns: int) -> str:
    counts = ((rows, "row"), (columns, "column"))
    said = [f"{count:,} more {word}{'s' if count > 1 else ''}" for count, word in counts if count > 0]
    return f"(+{' and '.join(said)})" if said else ""


def code(part: Code) -> Drawn:
    """Text to copy. Cut between lines; what is missing is counted, and the button beside it has the whole file."""
    whole = limits.clean(part.text)
    lines = whole.split("\n")
    kept = _lines_within(lines, limits.RICH)
    shown = "\n".join(lines[:kept]) if kept else limits.cut(whole, limits.RICH)
    blocks = [*_heading(part.title), _preformatted(shown if shown.strip() else "-")]
    if kept < len(lines):
        name = limits.cut(limits.line(part.filename), 60)
        blocks.append(
            remark(
                f"Cut: {kept:,} of {len(lines):,} lines are shown. The button sends you all of it as the file {name}."
            )
        )
    return Drawn(tuple(blocks), len(shown) + min(len(part.title), limits.TITLE))


def worth_a_file(part: Code) -> bool:
    """Whether somebody will want it as a file: it is longer than a few lines, or than a message."""
    return part.text.count("\n") >= _FEW_LINES or limits.length(part.text) > limits.RICH


def _preformatted(words: str) -> Block:
    element = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": words}]}
    return {"type": "rich_text", "elements": [element]}


def _lines_within(lines: Iterable[str], limit: int) -> int:
    used, kept = 0, 0
    for kept, words in enumerate(lines):
        used += limits.length(words) + 1
        if used > limit:
            return kept
    return kept + 1


def _heading(title: str) -> list[Block]:
    return [rich(text(limits.line(title), limits.TITLE, bold=True))] if title.strip() else []


def image(part: Chart, file: str) -> Drawn:
    """The uploaded picture of a chart, its numbers as alt text."""
    title = limits.cut(limits.line(part.title), limits.TITLE)
    alt = limits.cut(limits.line(part.alt), limits.ALT)
    block: Block = {
        "type": "image",
        "slack_file": {"id": file},
        "alt_text": alt,
        "title": {"type": "plain_text", "text": title, "emoji": False},
    }
    return Drawn((block,), len(title) + len(alt))


def waiting(part: Chart) -> Drawn:
    words = f"Chart follows: {limits.line(part.title)}"
    return Drawn((remark(words),), min(len(words), limits.RICH))


def no_image(part: Chart) -> Drawn:
    words = f"The chart could not be drawn. What it shows: {limits.line(part.alt)}"
    return Drawn((remark(words),), min(len(words), limits.RICH))

"""Read a Slack message as a person would: the blocks as text, for a terminal."""

from __future__ import annotations

import textwrap
from typing import Any

Block = dict[str, Any]


def message(sent: dict[str, Any], workspace: str = "") -> str:
    """A message's blocks as lines; its plain text where it has none."""
    lines = [line for block in sent.get("blocks") or () for line in _block(block)]
    who = f" (only {sent['ephemeral_for']} sees it)" if sent.get("ephemeral_for") else ""
    return f"trackrecord{who}:\n" + "\n".join(lines or [sent.get("text") or "(no words)"])


def pictures(sent: dict[str, Any]) -> list[Block]:
    """The image blocks of a message."""
    return [block for block in sent.get("blocks") or () if block["type"] == "image"]


def buttons(sent: dict[str, Any]) -> list[Block]:
    """The buttons of a message; each carries the `block_id` of its block."""
    return [
        {**element, "block_id": block.get("block_id", "")}
        for block in sent.get("blocks") or ()
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "button"
    ]


def tables(sent: dict[str, Any]) -> list[list[list[str]]]:
    """The cells of every table block, its column names first."""
    return [
        [[_cell(cell) for cell in row] for row in block["rows"]]
        for block in sent.get("blocks") or ()
        if block["type"] == "table"
    ]


def everything(sent: dict[str, Any]) -> str:
    """All text of a message in one string, alt texts and buttons included."""
    return "\n".join([sent.get("text", ""), message(sent)])


def indent(text: str, by: str = "      | ") -> str:
    return textwrap.indent(text, by, lambda _line: True)


def _block(block: Block) -> list[str]:
    kind = block["type"]
    if kind in ("header", "section", "markdown"):
        words = [block["text"]] if "text" in block else []
        return [_words(each) for each in (*words, *block.get("fields", ()))]
    if kind == "context":
        return [" ".join(_words(each) for each in block["elements"])]
    if kind == "rich_text":
        return [line for element in block["elements"] for line in _rich(element).split("\n")]
    if kind == "table":
        return _grid([[_cell(cell) for cell in row] for row in block["rows"]])
    if kind == "image":
        return [f"[picture: {block.get('alt_text', '')}]"]
    if kind == "actions":
        return ["  ".join(f"[ {_words(each.get('text', each.get('placeholder', '')))} ]" for each in block["elements"])]
    return [f"({kind})"] if kind != "divider" else ["---"]


def _words(element: Any) -> str:
    return str(element.get("text") or element.get("alt_text") or "") if isinstance(element, dict) else str(element)


def _rich(element: Block) -> str:
    if "elements" in element:
        return "".join(_rich(each) for each in element["elements"])
    if element["type"] == "emoji":
        return f":{element['name']}:"
    if element["type"] == "user":
        return f"@{element['user_id']}"
    return str(element.get("text") or element.get("url") or "")


def _cell(cell: Block) -> str:
    return str(cell.get("text", "")) if cell["type"] == "raw_text" else _rich(cell)


def _grid(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

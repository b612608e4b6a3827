"""Judge blocks, views and messages as Slack does: the schema first, then the rules across blocks.

Every complaint reads like Slack's: `[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from bot.playground.schema_blocks import BLOCKS, MOST_BLOCKS, SURFACES, VIEWS

VIEW_BYTES = 250_000
MARKDOWN_CHARS = 12_000
DATA_TABLE_CHARS = 20_000


def complaint(text: str, pointer: str) -> str:
    """One line in Slack's style."""
    return f"[ERROR] {text} [json-pointer:{pointer}]"


@cache
def _validator(family: str, kind: str) -> Draft202012Validator:
    return Draft202012Validator((VIEWS if family == "view" else BLOCKS)[kind])


def _wording(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "maxLength":
            return f"must be less than {limit + 1} characters"
        case "minLength":
            return f"must be more than {limit - 1} characters"
        case "maxItems":
            return f"no more than {limit} items allowed"
        case "minItems":
            return f"no less than {limit} items allowed"
        case "required":
            return f"missing required field: {error.message.split(chr(39))[1]}"
        case "additionalProperties":
            return f"invalid additional property: {error.message.split(chr(39))[1]}"
        case "enum" | "const" if error.absolute_path and error.absolute_path[-1] == "type":
            return f"unsupported type: {error.instance!r:.60}"
        case "oneOf" | "anyOf":
            wanted = " or ".join(choice["required"][0] for choice in limit if choice.get("required"))
            return f"must define {'exactly one of ' if error.validator == 'oneOf' else ''}{wanted or 'a valid value'}"
        case "type":
            return f"must provide a {limit}"
        case _:
            return f"invalid value: {error.message:.200}"


def _schema_complaints(family: str, kind: str, value: Any, pointer: str) -> Iterator[str]:
    for error in _validator(family, kind).iter_errors(value):
        path = "".join(f"/{part}" for part in error.absolute_path)
        yield complaint(_wording(error), pointer + path)


def check_blocks(blocks: Any, surface: str = "message", pointer: str = "/blocks") -> list[str]:
    """All complaints about a list of blocks on "message", "modal" or "home"; empty when Slack would take it."""
    if not isinstance(blocks, list):
        return [complaint("must provide an array", pointer)]
    found: list[str] = []
    if len(blocks) > MOST_BLOCKS[surface]:
        found.append(complaint(f"no more than {MOST_BLOCKS[surface]} items allowed", pointer))
    for index, block in enumerate(blocks):
        place = f"{pointer}/{index}"
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str) or kind not in BLOCKS:
            found.append(complaint(f"unsupported type: {kind!r:.60}", f"{place}/type"))
        elif kind not in SURFACES[surface]:
            found.append(complaint(f"block of type {kind} is not allowed in a {surface}", place))
        else:
            found += _schema_complaints("block", kind, block, place)
    if not found:
        found += _across(blocks, pointer)
    return found


def check_view(view: Any) -> list[str]:
    """All complaints about a modal or a Home tab; `view_too_large` comes alone."""
    if not isinstance(view, dict):
        return [complaint("must provide an object", "/view")]
    kind = view.get("type")
    if not isinstance(kind, str) or kind not in VIEWS:
        return [complaint(f"unsupported type: {kind!r:.60}", "/view/type")]
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        return ["view_too_large"]
    found = list(_schema_complaints("view", kind, view, "/view"))
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        found += check_blocks(blocks, kind, "/view/blocks")
        needs_submit = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
        if kind == "modal" and needs_submit and "submit" not in view:
            found.append(complaint("missing required field: submit (a view with an input block needs it)", "/view"))
    return found


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of one block."""
    found = list(block.get("elements", ())) if block.get("type") == "actions" else []
    return found + [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]


def _across(blocks: list[dict[str, Any]], pointer: str) -> Iterator[str]:
    yield from _ids(blocks, pointer)
    yield from _counts(blocks, pointer)
    for index, block in enumerate(blocks):
        place = f"{pointer}/{index}"
        match block["type"]:
            case "table" | "data_table":
                yield from _table(block, place)
            case "data_visualization":
                yield from _chart(block["chart"], f"{place}/chart")
            case "image" | "section" | "context":
                yield from _image_urls(block, place)
        for element in elements_of(block):
            yield from _initial(element, place)


def _ids(blocks: list[dict[str, Any]], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block_id in seen:
            yield complaint(f"block_id {block_id!r:.80} already exists", f"{pointer}/{index}/block_id")
        seen.update([block_id] if block_id else [])
        actions: set[str] = set()
        for element in elements_of(block):
            action_id = element.get("action_id")
            if action_id is not None and action_id in actions:
                yield complaint(f"action_id {action_id!r:.80} already exists in this block", f"{pointer}/{index}")
            actions.update([action_id] if action_id else [])


def _counts(blocks: list[dict[str, Any]], pointer: str) -> Iterator[str]:
    tables = [i for i, block in enumerate(blocks) if block["type"] == "table"]
    if len(tables) > 1:
        yield complaint("only_one_table_allowed", f"{pointer}/{tables[1]}")
    charts = [i for i, block in enumerate(blocks) if block["type"] == "data_visualization"]
    if len(charts) > 2:
        yield complaint("no more than 2 data_visualization blocks allowed", f"{pointer}/{charts[2]}")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_CHARS:
        yield complaint(f"markdown text over all blocks must be less than {MARKDOWN_CHARS + 1} characters", pointer)
    focus = sum(bool(element.get("focus_on_load")) for block in blocks for element in elements_of(block))
    if focus > 1:
        yield complaint("only one element may have focus_on_load", pointer)


def _table(block: dict[str, Any], place: str) -> Iterator[str]:
    width = len(block["rows"][0])
    for index, row in enumerate(block["rows"]):
        if len(row) != width:
            yield complaint(f"row has {len(row)} cells, the first one has {width}", f"{place}/rows/{index}")
    if len(block.get("column_settings", ())) > width:
        yield complaint(f"more column_settings than the {width} columns", f"{place}/column_settings")
    if block["type"] == "data_table":
        if any(cell["type"] == "rich_text" for cell in block["rows"][0]):
            yield complaint("the header row may not hold rich_text", f"{place}/rows/0")
        if sum(len(str(cell.get("text", ""))) for row in block["rows"] for cell in row) > DATA_TABLE_CHARS:
            yield complaint(f"must be less than {DATA_TABLE_CHARS + 1} characters in total", f"{place}/rows")


def _chart(chart: dict[str, Any], place: str) -> Iterator[str]:
    if chart["type"] == "pie":
        return
    categories = chart["axis_config"]["categories"]
    if len(set(categories)) < len(categories):
        yield complaint("categories must be unique", f"{place}/axis_config/categories")
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) < len(names):
        yield complaint("series names must be unique", f"{place}/series")
    for index, series in enumerate(chart["series"]):
        if [point["label"] for point in series["data"]] != categories:
            yield complaint("needs one point per category, with the same labels", f"{place}/series/{index}/data")


def _image_urls(block: dict[str, Any], place: str) -> Iterator[str]:
    images = [("", block), ("/accessory", block.get("accessory") or {})]
    images += [(f"/elements/{i}", element) for i, element in enumerate(block.get("elements", ()))]
    for where, image in images:
        if isinstance(image.get("image_url"), str) and not _public(image["image_url"]):
            yield complaint("downloading image failed", f"{place}{where}/image_url")


def _public(url: str) -> bool:
    """Whether Slack's servers could fetch it: http(s), and no address of this machine or a private network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or "." not in host or host.endswith((".local", ".internal")):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True


def _initial(element: dict[str, Any], place: str) -> Iterator[str]:
    """What is chosen at first must be one of the options."""
    listed = list(element.get("options", ()))
    for group in element.get("option_groups", ()):
        listed += group["options"]
    chosen = [element["initial_option"]] if "initial_option" in element else []
    chosen += element.get("initial_options", ())
    if listed and any(choice not in listed for choice in chosen):
        yield complaint("the initial option is not one of the options", place)
    values = [choice["value"] for choice in listed]
    if len(set(values)) < len(values):
        yield complaint("option values must be unique", place)

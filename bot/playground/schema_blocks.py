"""The blocks themselves and the views that hold them, as JSON Schema."""

from __future__ import annotations

from bot.playground.schema import (
    BOOL,
    FIELD,
    ID,
    IMAGE,
    IMAGE_FIELDS,
    INTERACTIVE,
    ONE_SOURCE,
    Schema,
    either,
    plain,
    plain_object,
    some,
    string,
    text,
    thing,
)

STYLE = plain_object(bold=BOOL, italic=BOOL, strike=BOOL, code=BOOL, underline=BOOL, highlight=BOOL, unlink=BOOL)
WORDS: dict[str, Schema] = {
    "text": thing("text", "text", text={"type": "string", "minLength": 1}, style=STYLE),
    "link": thing("link", "url", url=string(3000), text={"type": "string"}, style=STYLE, unsafe=BOOL),
    "user": thing("user", "user_id", user_id=ID, style=STYLE),
    "usergroup": thing("usergroup", "usergroup_id", usergroup_id=ID, style=STYLE),
    "channel": thing("channel", "channel_id", channel_id=ID, style=STYLE),
    "emoji": thing("emoji", "name", name=string(255), unicode=string(255), style=STYLE),
    "broadcast": thing("broadcast", "range", range={"enum": ["here", "channel", "everyone"]}, style=STYLE),
    "color": thing("color", "value", value=string(20)),
    "date": thing(
        "date",
        "timestamp format",
        timestamp={"type": "integer"},
        format=string(255),
        url=string(3000),
        fallback=string(255),
        style=STYLE,
    ),
}
WORD = either(**WORDS)
SECTION = thing("rich_text_section", "elements", elements={"type": "array", "items": WORD})
RICH: dict[str, Schema] = {
    "rich_text_section": SECTION,
    "rich_text_list": thing(
        "rich_text_list",
        "style elements",
        style={"enum": ["bullet", "ordered"]},
        indent={"type": "integer", "minimum": 0, "maximum": 8},
        offset={"type": "integer"},
        border={"enum": [0, 1]},
        elements=some(either(rich_text_section=SECTION), 1000),
    ),
    "rich_text_preformatted": thing(
        "rich_text_preformatted",
        "elements",
        elements=some(either(text=WORDS["text"], link=WORDS["link"]), 1000),
        border={"enum": [0, 1]},
        language=string(50),
    ),
    "rich_text_quote": thing(
        "rich_text_quote", "elements", elements={"type": "array", "items": WORD}, border={"enum": [0, 1]}
    ),
}
RICH_TEXT = thing("rich_text", "elements", elements=some(either(**RICH), 1000), block_id=ID)
CELLS: dict[str, Schema] = {
    "raw_text": thing("raw_text", "text", text={"type": "string", "minLength": 1}),
    "raw_number": thing("raw_number", "value text", value={"type": "number"}, text={"type": "string", "minLength": 1}),
    "rich_text": thing("rich_text", "elements", elements=some(either(**RICH), 100), block_id=ID),
}
CELL = either(**CELLS)
COLUMN = {
    "anyOf": [{"type": "null"}, plain_object(align={"enum": ["left", "center", "right"]}, is_wrapped=BOOL)],
}
LABEL = string(20)
SERIES = plain_object(
    "name data",
    name=LABEL,
    data=some(plain_object("label value", label=LABEL, value={"type": "number"}), 20),
)
AXES = plain_object("categories", categories=some(LABEL, 20), x_label=string(50), y_label=string(50))
SEGMENT = plain_object("label value", label=LABEL, value={"type": "number", "exclusiveMinimum": 0})
CHART = either(
    pie=thing("pie", "segments", segments=some(SEGMENT, 6)),
    **{k: thing(k, "series axis_config", series=some(SERIES, 6), axis_config=AXES) for k in ("line", "bar", "area")},
)

BLOCKS: dict[str, Schema] = {
    "divider": thing("divider", block_id=ID),
    "header": thing(
        "header", "text", text=plain(150), block_id=ID, level={"type": "integer", "minimum": 1, "maximum": 4}
    ),
    "section": {
        **thing(
            "section",
            text=text(3000),
            fields=some(text(2000), 10),
            accessory=either(image=IMAGE, **INTERACTIVE),
            block_id=ID,
            expand=BOOL,
        ),
        "anyOf": [{"required": ["text"]}, {"required": ["fields"]}],
    },
    "context": thing(
        "context",
        "elements",
        block_id=ID,
        elements=some(
            either(
                image=IMAGE,
                plain_text=plain(3000),
                mrkdwn=thing("mrkdwn", "text", text=string(3000), verbatim=BOOL),
            ),
            10,
        ),
    ),
    "actions": thing("actions", "elements", elements=some(either(**INTERACTIVE), 25), block_id=ID),
    "image": {**thing("image", "alt_text", **IMAGE_FIELDS, title=plain(2000), block_id=ID), **ONE_SOURCE},
    "input": thing(
        "input",
        "label element",
        label=plain(2000),
        element=FIELD,
        hint=plain(2000),
        optional=BOOL,
        dispatch_action=BOOL,
        block_id=ID,
    ),
    "rich_text": RICH_TEXT,
    "markdown": thing("markdown", "text", text=string(12_000), block_id=ID),
    "table": thing(
        "table",
        "rows",
        rows=some(some(CELL, 20), 100),
        column_settings={"type": "array", "items": COLUMN, "maxItems": 20},
        block_id=ID,
    ),
    "data_table": thing(
        "data_table",
        "caption rows",
        caption=string(2000),
        rows=some(some(CELL, 20), 201, 2),
        page_size={"type": "integer", "minimum": 1, "maximum": 100},
        row_header_column_index={"type": "integer", "minimum": 0, "maximum": 19},
        block_id=ID,
    ),
    "data_visualization": thing("data_visualization", "title chart", title=string(50), chart=CHART, block_id=ID),
}

EVERYWHERE = {"divider", "header", "section", "context", "actions", "image", "input", "rich_text"}
SURFACES: dict[str, set[str]] = {"message": set(BLOCKS), "modal": EVERYWHERE, "home": EVERYWHERE}
MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}

VIEW_FIELDS: dict[str, Schema] = {
    "blocks": {"type": "array"},
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
    "private_metadata": string(3000, 0),
}
VIEWS: dict[str, Schema] = {
    "modal": thing(
        "modal",
        "title blocks",
        **VIEW_FIELDS,
        title=plain(24),
        submit=plain(24),
        close=plain(24),
        clear_on_close=BOOL,
        notify_on_close=BOOL,
        submit_disabled=BOOL,
    ),
    "home": thing("home", "blocks", **VIEW_FIELDS),
}

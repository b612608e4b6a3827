"""Slack's Block Kit as JSON Schema, with every length and count that Slack documents.

Blocks that only other apps need (video, card, carousel, container, alert, plan …) are left out: they are refused.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
ID: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
BOOL: Schema = {"type": "boolean"}


def string(longest: int, shortest: int = 1) -> Schema:
    """A string with bounds in characters."""
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def thing(kind: str, required: str = "", /, **fields: Schema) -> Schema:
    """An object with `type` and exactly these fields."""
    return {
        "type": "object",
        "required": ["type", *required.split()],
        "properties": {"type": {"const": kind}, **fields},
        "additionalProperties": False,
    }


def plain_object(required: str = "", /, **fields: Schema) -> Schema:
    """An object without `type`."""
    return {"type": "object", "required": required.split(), "properties": fields, "additionalProperties": False}


def either(**schemas: Schema) -> Schema:
    """An object whose `type` decides which schema holds: errors then name the real cause."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": sorted(schemas)}},
        "allOf": [
            {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": schema}
            for kind, schema in schemas.items()
        ],
    }


def some(item: Schema, most: int, least: int = 1) -> Schema:
    """An array with bounds."""
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


def plain(longest: int) -> Schema:
    """A plain_text object."""
    return thing("plain_text", "text", text=string(longest), emoji=BOOL)


def text(longest: int) -> Schema:
    """A plain_text or mrkdwn object."""
    return either(plain_text=plain(longest), mrkdwn=thing("mrkdwn", "text", text=string(longest), verbatim=BOOL))


CONFIRM = plain_object(
    "title text confirm deny",
    title=plain(100),
    text=text(300),
    confirm=plain(30),
    deny=plain(30),
    style={"enum": ["primary", "danger"]},
)


def option(shape: Schema, /, **more: Schema) -> Schema:
    """An option of a menu."""
    return plain_object("text value", text=shape, value=string(150), description=plain(75), **more)


OPTION = option(plain(75))
RICH_OPTION = option(text(75))
GROUP = plain_object("label options", label=plain(75), options=some(OPTION, 100))
MENU: dict[str, Schema] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": BOOL, "placeholder": plain(150)}
MANY: dict[str, Schema] = {**MENU, "max_selected_items": {"type": "integer", "minimum": 1}}
CHOICES: dict[str, Schema] = {"options": some(OPTION, 100), "option_groups": some(GROUP, 100)}
FILTER = {"type": "object"}
ONE_OF_CHOICES: Schema = {"oneOf": [{"required": ["options"]}, {"required": ["option_groups"]}]}
DISPATCH = plain_object(
    trigger_actions_on=some({"enum": ["on_enter_pressed", "on_character_entered"]}, 2),
)

BUTTON = thing(
    "button",
    "text",
    text=plain(75),
    action_id=ID,
    value=string(2000),
    url=string(3000),
    style={"enum": ["primary", "danger"]},
    confirm=CONFIRM,
    accessibility_label=string(75),
)


def typed(kind: str, /, **more: Schema) -> Schema:
    """A field to type into."""
    return thing(
        kind, action_id=ID, placeholder=plain(150), focus_on_load=BOOL, dispatch_action_config=DISPATCH, **more
    )


def menus() -> dict[str, Schema]:
    """Everything one can choose from."""
    found: dict[str, Schema] = {
        "static_select": {**thing("static_select", **MENU, **CHOICES, initial_option=OPTION), **ONE_OF_CHOICES},
        "multi_static_select": {
            **thing("multi_static_select", **MANY, **CHOICES, initial_options=some(OPTION, 100)),
            **ONE_OF_CHOICES,
        },
        "external_select": thing(
            "external_select", **MENU, min_query_length={"type": "integer", "minimum": 0}, initial_option=OPTION
        ),
        "multi_external_select": thing(
            "multi_external_select",
            **MANY,
            min_query_length={"type": "integer", "minimum": 0},
            initial_options=some(OPTION, 100),
        ),
        "overflow": thing(
            "overflow", "options", action_id=ID, confirm=CONFIRM, options=some(option(plain(75), url=string(3000)), 5)
        ),
    }
    for what in ("user", "conversation", "channel"):
        extra: dict[str, Schema] = {f"initial_{what}": string(255)}
        if what != "user":
            extra["response_url_enabled"] = BOOL
        if what == "conversation":
            extra |= {"default_to_current_conversation": BOOL, "filter": FILTER}
        found[f"{what}s_select"] = thing(f"{what}s_select", **MENU, **extra)
        several: dict[str, Schema] = {f"initial_{what}s": some(string(255), 100)}
        if what == "conversation":
            several |= {"default_to_current_conversation": BOOL, "filter": FILTER}
        found[f"multi_{what}s_select"] = thing(f"multi_{what}s_select", **MANY, **several)
    return found


DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
TIME = {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"}
INTERACTIVE: dict[str, Schema] = {
    "button": BUTTON,
    **menus(),
    "datepicker": thing("datepicker", **MENU, initial_date=DATE),
    "timepicker": thing("timepicker", **MENU, initial_time=TIME, timezone=string(100)),
    "datetimepicker": thing(
        "datetimepicker", action_id=ID, confirm=CONFIRM, focus_on_load=BOOL, initial_date_time={"type": "integer"}
    ),
    "checkboxes": thing(
        "checkboxes",
        "options",
        action_id=ID,
        confirm=CONFIRM,
        focus_on_load=BOOL,
        options=some(RICH_OPTION, 10),
        initial_options=some(RICH_OPTION, 10),
    ),
    "radio_buttons": thing(
        "radio_buttons",
        "options",
        action_id=ID,
        confirm=CONFIRM,
        focus_on_load=BOOL,
        options=some(RICH_OPTION, 10),
        initial_option=RICH_OPTION,
    ),
}
IMAGE_FIELDS: dict[str, Schema] = {
    "alt_text": string(2000),
    "image_url": string(3000),
    "slack_file": {
        **plain_object(id=string(255), url=string(3000)),
        "oneOf": [{"required": ["id"]}, {"required": ["url"]}],
    },
}
ONE_SOURCE: Schema = {"oneOf": [{"required": ["image_url"]}, {"required": ["slack_file"]}]}
IMAGE = {**thing("image", "alt_text", **IMAGE_FIELDS), **ONE_SOURCE}
LENGTHS: dict[str, Schema] = {
    "min_length": {"type": "integer", "minimum": 0, "maximum": 3000},
    "max_length": {"type": "integer", "minimum": 1, "maximum": 3000},
}
TYPED: dict[str, Schema] = {
    "plain_text_input": typed("plain_text_input", initial_value=string(3000, 0), multiline=BOOL, **LENGTHS),
    "number_input": {
        **typed(
            "number_input",
            is_decimal_allowed=BOOL,
            initial_value=string(255),
            min_value=string(255),
            max_value=string(255),
        ),
        "required": ["type", "is_decimal_allowed"],
    },
    "email_text_input": typed("email_text_input", initial_value=string(3000)),
    "url_text_input": typed("url_text_input", initial_value=string(3000)),
}
FIELD = either(**TYPED, **{k: v for k, v in INTERACTIVE.items() if k not in ("button", "overflow")})

"""The payloads that Slack sends when a person does something, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.playground.content import as_slack_sees
from bot.playground.workspace import APP, TEAM, Block, Channel, Message, User, View

TEAM_OBJECT = {"id": TEAM, "domain": "playground"}
_KEPT = re.compile(r"<(?:@[A-Z0-9]+(?:\|[^<>|]*)?|#[A-Z0-9]+(?:\|[^<>|]*)?|https?://[^\s<>]+)>|https?://[^\s<>]+")
_TRAILING = ".,;:!?)'\""


def as_sent(typed: str, users: Mapping[str, User], channels: Mapping[str, Channel]) -> str:
    """What Slack makes of typed text: &, < and > escaped, @name and #name as ids, addresses in angle brackets."""
    done: list[str] = []
    at = 0
    for match in _KEPT.finditer(typed):
        done.append(_escaped(typed[at : match.start()], users, channels))
        token = match.group()
        tail = ""
        if not token.startswith("<"):
            bare = token.rstrip(_TRAILING)
            token, tail = f"<{bare.replace('&', '&amp;')}>", token[len(bare) :]
        done.append(token + _escaped(tail, users, channels))
        at = match.end()
    done.append(_escaped(typed[at:], users, channels))
    return "".join(done)


def _escaped(text: str, users: Mapping[str, User], channels: Mapping[str, Channel]) -> str:
    text = escape(text)
    by_name = {user.name: user.id for user in users.values()}
    text = re.sub(r"(?<!\w)@([a-z0-9._-]+)", lambda m: f"<@{by_name[m[1]]}>" if m[1] in by_name else m[0], text)
    rooms = {channel.name: channel.id for channel in channels.values() if not channel.is_im}
    return re.sub(r"(?<!\w)#([a-z0-9._-]+)", lambda m: f"<#{rooms[m[1]]}|{m[1]}>" if m[1] in rooms else m[0], text)


def escape(text: str) -> str:
    """Slack's escaping: exactly three characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def user_object(user: User) -> dict[str, Any]:
    """The person in an interactive payload."""
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM}


def channel_object(channel: Channel) -> dict[str, Any]:
    """The channel in an interactive payload."""
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}


def slash_command(
    user: User, channel: Channel, command: str, text: str, trigger_id: str, response_url: str
) -> dict[str, Any]:
    """A slash command; enterprise fields are absent outside an enterprise."""
    return {
        "token": "deprecated",
        "team_id": TEAM,
        "team_domain": "playground",
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": escape(text),
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def message_event(message: Message, channel: Channel) -> dict[str, Any]:
    """A new message, as `message.channels` or `message.im`."""
    return as_slack_sees(message) | {
        "channel": channel.id,
        "channel_type": channel_type(channel),
        "event_ts": message.ts,
    }


def changed_event(message: Message, before: dict[str, Any], channel: Channel, ts: str) -> dict[str, Any]:
    """An edit, as Slack's subtype message_changed."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": as_slack_sees(message),
        "previous_message": before,
        "channel": channel.id,
        "channel_type": channel_type(channel),
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
    }


def channel_type(channel: Channel) -> str:
    """channel, group or im."""
    return "im" if channel.is_im else "group" if channel.is_private else "channel"


def interactive(kind: str, user: User, **more: Any) -> dict[str, Any]:
    """The outer shape that all interactive payloads share."""
    return {
        "type": kind,
        "user": user_object(user),
        "api_app_id": APP,
        "token": "deprecated",
        "team": TEAM_OBJECT,
        "enterprise": None,
        "is_enterprise_install": False,
        **more,
    }


def message_container(message: Message) -> dict[str, Any]:
    """Where a clicked element stands, when it stands in a message."""
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_for is not None,
    }
    return container | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def view_container(view: View) -> dict[str, Any]:
    """Where a clicked element stands, when it stands in a view."""
    return {"type": "view", "view_id": view.id}


def state_of(element: Block, value: Any) -> dict[str, Any]:
    """What `state.values` holds for one element once a person has given it `value` (None: empty)."""
    kind = element["type"]
    listed = options_of(element)
    match kind:
        case "static_select" | "external_select" | "radio_buttons" | "overflow":
            return {"type": kind, "selected_option": _option(listed, value)}
        case "multi_static_select" | "multi_external_select" | "checkboxes":
            return {"type": kind, "selected_options": [_option(listed, v) for v in _list(value)]}
        case "users_select" | "conversations_select" | "channels_select":
            return {"type": kind, f"selected_{kind.removesuffix('s_select')}": value or None}
        case "multi_users_select" | "multi_conversations_select" | "multi_channels_select":
            return {"type": kind, f"selected_{kind.removeprefix('multi_').removesuffix('_select')}": _list(value)}
        case "datepicker":
            return {"type": kind, "selected_date": value or None}
        case "timepicker":
            return {"type": kind, "selected_time": value or None}
        case "datetimepicker":
            return {"type": kind, "selected_date_time": int(value) if value else None}
        case _:
            return {"type": kind, "value": value or None}


def initial_of(element: Block) -> Any:
    """What an element holds before anybody touched it, in the plain form of `state_of`."""
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [choice["value"] for choice in element["initial_options"]]
    return next((value for name, value in element.items() if name.startswith("initial_")), None)


def options_of(element: Block) -> list[Block]:
    """All options of a menu, those of its groups included."""
    listed: list[Block] = list(element.get("options", ()))
    for group in element.get("option_groups", ()):
        listed += group["options"]
    return listed


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def _option(listed: list[Block], value: Any) -> Block | None:
    if isinstance(value, Mapping):  # chosen from options that the app had sent for an external menu
        return dict(value)
    found = next((choice for choice in listed if choice["value"] == value), None)
    if found is None and value:
        return {"text": {"type": "plain_text", "text": str(value), "emoji": True}, "value": str(value)}
    return found

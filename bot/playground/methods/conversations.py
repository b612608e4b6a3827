"""conversations.*: list, info, history, replies, members, open."""

from __future__ import annotations

from typing import Any

from bot.playground.content import as_slack_sees
from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import BOT_USER, Channel, Message

READ = ("channels:read", "groups:read", "im:read")
HISTORY = ("channels:history", "groups:history", "im:history")
PAGE = 999


def as_json(channel: Channel) -> dict[str, Any]:
    """The channel object."""
    if channel.is_im:
        user = next(member for member in channel.members if member != BOT_USER)
        return {"id": channel.id, "is_im": True, "user": user, "is_archived": False}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_private": channel.is_private,
        "is_archived": False,
        "is_member": BOT_USER in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
    }


def _page(call: Call, items: list[Any], default: int) -> tuple[list[Any], dict[str, Any]]:
    limit = call.number("limit", default, PAGE)
    cursor = call.string("cursor", "0")
    if not cursor.isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor)
    more = start + limit < len(items)
    return items[start : start + limit], {"next_cursor": str(start + limit) if more else ""}


def listed(call: Call) -> dict[str, Any]:
    """Channels of the wanted types; public ones unless told otherwise."""
    types = set(call.string("types", "public_channel").replace(" ", "").split(","))
    if unknown := types - {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackError("invalid_types", [f"[ERROR] unknown type: {sorted(unknown)[0]:.40}"])
    found = [c for c in call.workspace.channels.values() if _type(c) in types and (not c.is_private or _in(c))]
    page, cursor = _page(call, found, 100)
    return {"channels": [as_json(channel) for channel in page], "response_metadata": cursor}


def _type(channel: Channel) -> str:
    return "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"


def _in(channel: Channel) -> bool:
    return BOT_USER in channel.members


def info(call: Call) -> dict[str, Any]:
    """One channel."""
    return {"channel": as_json(call.channel(member=False))}


def members(call: Call) -> dict[str, Any]:
    """Ids of the members."""
    page, cursor = _page(call, call.channel(member=False).members, 100)
    return {"members": page, "response_metadata": cursor}


def _shown(call: Call, message: Message) -> dict[str, Any]:
    body = as_slack_sees(message)
    if call.flag("include_all_metadata") and message.metadata:
        body["metadata"] = message.metadata
    replies = call.workspace.replies(call.workspace.channels[message.channel], message.ts)
    if replies:
        body |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    return body


def _between(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = call.string("oldest", "0"), call.string("latest", "9999999999")
    if call.flag("inclusive"):
        return [m for m in messages if float(oldest) <= float(m.ts) <= float(latest)]
    return [m for m in messages if float(oldest) < float(m.ts) < float(latest)]


def history(call: Call) -> dict[str, Any]:
    """Messages outside threads, newest first; what was whispered is not in it."""
    channel = call.channel()
    try:
        kept = _between(call, [m for m in channel.messages if m.ephemeral_for is None and m.thread_ts in (None, m.ts)])
    except ValueError as cause:
        raise SlackError("invalid_ts_oldest") from cause
    page, cursor = _page(call, kept[::-1], 100)
    more = bool(cursor["next_cursor"])
    return {"messages": [_shown(call, m) for m in page], "has_more": more, "response_metadata": cursor}


def replies(call: Call) -> dict[str, Any]:
    """A thread, oldest first, with its parent at the head."""
    channel = call.channel()
    parent = channel.find(call.string("ts"))
    if parent is None or parent.ephemeral_for is not None:
        raise SlackError("thread_not_found")
    try:
        kept = [parent, *_between(call, call.workspace.replies(channel, parent.ts))]
    except ValueError as cause:
        raise SlackError("invalid_ts_oldest") from cause
    page, cursor = _page(call, kept, 999)
    more = bool(cursor["next_cursor"])
    return {"messages": [_shown(call, m) for m in page], "has_more": more, "response_metadata": cursor}


def opened(call: Call) -> dict[str, Any]:
    """The direct message with one user."""
    users = call.string("users").split(",")
    if len(users) != 1:
        raise SlackError("method_not_supported_for_channel_type")
    channel = call.workspace.dm(users[0])
    if channel is None:
        raise SlackError("user_not_found")
    return {"channel": {"id": channel.id}, "already_open": True, "no_op": True}


CONVERSATIONS = (
    Method("conversations.list", READ, listed),
    Method("conversations.info", READ, info),
    Method("conversations.members", READ, members),
    Method("conversations.history", HISTORY, history),
    Method("conversations.replies", HISTORY, replies),
    Method("conversations.open", ("im:write", "channels:manage", "groups:write"), opened),
)

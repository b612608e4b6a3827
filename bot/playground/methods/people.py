"""users.* and reactions.*: who is here, and what they put under a message."""

from __future__ import annotations

import re
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import BOT, BOT_USER, TEAM, Message, User


def as_json(user: User, *, locale: bool = False) -> dict[str, Any]:
    """The user object."""
    profile = {"real_name": user.real_name, "display_name": user.name}
    body: dict[str, Any] = {
        "id": user.id,
        "team_id": TEAM,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.is_bot,
        "tz": user.tz,
        "tz_offset": user.tz_offset,
        "profile": profile | ({"bot_id": BOT} if user.is_bot else {}),
    }
    return body | ({"locale": "en-GB"} if locale else {})


def info(call: Call) -> dict[str, Any]:
    """One user."""
    user = call.workspace.users.get(call.string("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": as_json(user, locale=call.flag("include_locale"))}


def listed(call: Call) -> dict[str, Any]:
    """Every user."""
    locale = call.flag("include_locale")
    members = [as_json(user, locale=locale) for user in call.workspace.users.values()]
    return {"members": members, "response_metadata": {"next_cursor": ""}}


def _reaction(call: Call) -> tuple[str, Message]:
    name = call.string("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'\-]{1,100}", name):
        raise SlackError("invalid_name")
    channel = call.channel()
    message = channel.find(call.string("timestamp"))
    if message is None or message.ephemeral_for is not None:
        raise SlackError("message_not_found")
    return name, message


def add(call: Call) -> dict[str, Any]:
    """React as the app."""
    name, message = _reaction(call)
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise SlackError("already_reacted")
    users.append(BOT_USER)
    call.workspace.journal.add("reaction", ts=message.ts, channel=message.channel, name=name, added=True)
    return {}


def remove(call: Call) -> dict[str, Any]:
    """Take the app's reaction back."""
    name, message = _reaction(call)
    users = message.reactions.get(name, [])
    if BOT_USER not in users:
        raise SlackError("no_reaction")
    users.remove(BOT_USER)
    if not users:
        del message.reactions[name]
    call.workspace.journal.add("reaction", ts=message.ts, channel=message.channel, name=name, added=False)
    return {}


PEOPLE = (
    Method("users.info", ("users:read",), info),
    Method("users.list", ("users:read",), listed),
    Method("reactions.add", ("reactions:write",), add),
    Method("reactions.remove", ("reactions:write",), remove),
)

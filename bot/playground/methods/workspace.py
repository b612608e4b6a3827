"""auth.test, api.test, team.info, bots.info and the door to Socket Mode."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import APP, BOT, BOT_USER, TEAM


def api_test(call: Call) -> dict[str, Any]:
    """Echo."""
    if error := call.string("error", ""):
        raise SlackError(error)
    return {"args": {name: value for name, value in call.args.items() if name != "token"}}


def auth_test(call: Call) -> dict[str, Any]:
    """Who the token belongs to."""
    return {
        "url": f"{call.base_url}/",
        "team": "Playground",
        "user": call.workspace.options.app_name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def team_info(call: Call) -> dict[str, Any]:
    """The workspace."""
    return {"team": {"id": TEAM, "name": "Playground", "domain": "playground", "url": f"{call.base_url}/"}}


def bots_info(call: Call) -> dict[str, Any]:
    """The app's own bot."""
    if call.string("bot", BOT) != BOT:
        raise SlackError("bot_not_found")
    return {"bot": {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": call.workspace.options.app_name}}


def connections_open(call: Call) -> dict[str, Any]:
    """An address for one websocket connection; it works once."""
    return {"url": call.sockets.new_address(call.base_url)}


WORKSPACE = (
    Method("api.test", (), api_test),
    Method("auth.test", (), auth_test),
    Method("team.info", ("team:read",), team_info),
    Method("bots.info", ("users:read",), bots_info),
    Method("apps.connections.open", (), connections_open, app_token=True),
)

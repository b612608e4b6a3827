"""The Slack app manifest, generated from what the app registers: commands from the questions, scopes from their use."""

from __future__ import annotations

from typing import Any, Literal

from bot import limits
from bot.command import UMBRELLA
from registry.ask import questions

# What each scope is for; a scope that nothing needs is not asked for.
SCOPES = {
    "commands": "slash commands",
    "chat:write": "answers, announcements, replies to claims",
    "files:write": "charts and scripts",
    "files:read": "a chart may be shown once Slack has looked at it",
    "app_mentions:read": "@trackrecord best … in threads",
    "channels:history": "claims in public channels; finding a message of ours again after a crash",
    "groups:history": "the same in private channels",
    "im:history": "questions in direct messages",
    "im:write": "scripts are sent into direct messages",
    "users:read": "names of people who are mentioned: owner=@ada",
}
EVENTS = ("app_home_opened", "app_mention", "message.channels", "message.groups", "message.im")

_ABOUT = (
    "trackrecord answers from a registry that training scripts report to by themselves: which run is best, what "
    "differs between two runs, how to repeat one. No registered run, no result. In channels that opted in it also says "
    "whether a registered run backs a number that somebody posts. It never mentions a whole channel, and posts little."
)
_SUMMARY = "A run registry that training scripts post to, and a bot that a team asks."


def manifest(mode: Literal["socket", "http"], prefix: str = "", url: str = "") -> dict[str, Any]:
    """The manifest for Socket Mode, or for HTTP with `url`, the address of the bot's /slack/events."""
    reached: dict[str, Any] = {} if mode == "socket" else {"request_url": url}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "trackrecord",
            "description": _SUMMARY,
            "long_description": _ABOUT,
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "trackrecord", "always_online": True},
            "slash_commands": _commands(prefix, url if mode == "http" else ""),
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**reached, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **reached},
            "org_deploy_enabled": False,
            "socket_mode_enabled": mode == "socket",
            "token_rotation_enabled": False,
        },
    }


def _commands(prefix: str, url: str) -> list[dict[str, Any]]:
    listed = [
        (f"/{prefix}{each.name}", each.summary, each.usage.removeprefix(each.name).strip())
        for each in questions().values()
    ]
    listed.append((f"/{UMBRELLA}", "Any question: best, compare, repro, show, help …", "question …"))
    return [
        {
            "command": name,
            "description": limits.cut(summary, 200),
            **({"usage_hint": limits.cut(usage, 200)} if usage else {}),
            "should_escape": True,
            **({"url": url} if url else {}),
        }
        for name, summary, usage in listed
    ]

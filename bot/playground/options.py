"""What a stand-in workspace is started with: tokens, scopes, how the app is reached, how strict time is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # uvicorn[standard] brings it

SCOPES = (
    "commands", "chat:write", "files:write", "files:read", "channels:history", "groups:history", "channels:read",
    "groups:read", "app_mentions:read", "im:history", "im:write", "users:read", "reactions:write", "links:read",
    "links:write",
)  # fmt: skip

EVENTS = (
    "app_home_opened", "app_mention", "link_shared", "member_joined_channel", "message.channels", "message.groups",
    "message.im",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as the app's manifest lists it; `name` starts with a slash."""

    name: str
    summary: str = ""
    usage: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A message shortcut as the app's manifest lists it."""

    name: str
    callback_id: str


COMMANDS = (
    Command("/best", "The best verified run of a project", "[project] [metric] [top=5]"),
    Command("/compare", "What differs between runs", "run run [run …]"),
    Command("/repro", "How to repeat a run, step by step", "run"),
    Command("/show", "Everything about one run", "run"),
    Command("/recent", "The latest runs", "[project]"),
    Command("/unverified", "Runs that are not verified, and why", "[project]"),
    Command("/projects", "All projects and their rules"),
    Command("/help", "What you can ask"),
    Command("/trackrecord", "Every question under one name", "question …"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Knobs of one workspace. Times are seconds.

    `deliver` is "socket" or the URL that signed requests go to. `commands_known`: refuse a command that is not
    in `commands`, as Slack does. `rate_limit`: at most one message per second and channel.
    """

    bot_token: str = "xoxb-playground"  # noqa: S105 (a stand-in's token opens nothing)
    app_token: str = "xapp-playground"  # noqa: S105
    signing_secret: str = "playground-signing-secret"  # noqa: S105
    deliver: str = "socket"
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = EVENTS
    commands: tuple[Command, ...] = COMMANDS
    commands_known: bool = False
    shortcuts: tuple[Shortcut, ...] = ()
    unfurl_domains: tuple[str, ...] = ()
    app_name: str = "trackrecord"
    rate_limit: bool = False
    ack_s: float = 3.0
    trigger_s: float = 3.0
    file_delay_s: float = 0.6
    retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)


def with_manifest(options: Options, manifest: dict[str, Any]) -> Options:
    """Take commands, shortcuts, scopes, events and unfurl domains from an app manifest (Slack's schema, version 2)."""
    features = manifest.get("features") or {}
    listed = features.get("slash_commands") or manifest.get("commands") or []
    commands = tuple(
        Command(
            str(entry.get("command") or entry.get("name")),
            str(entry.get("description") or entry.get("summary") or ""),
            str(entry.get("usage_hint") or entry.get("usage") or ""),
        )
        for entry in listed
    )
    shortcuts = tuple(
        Shortcut(str(entry["name"]), str(entry["callback_id"]))
        for entry in features.get("shortcuts") or ()
        if entry.get("type") == "message"
    )
    scopes = ((manifest.get("oauth_config") or {}).get("scopes") or {}).get("bot")
    events = ((manifest.get("settings") or {}).get("event_subscriptions") or {}).get("bot_events")
    return replace(
        options,
        commands=commands or options.commands,
        commands_known=bool(commands) or options.commands_known,
        shortcuts=shortcuts or options.shortcuts,
        scopes=tuple(scopes) if scopes else options.scopes,
        events=tuple(events) if events else options.events,
        unfurl_domains=tuple(features.get("unfurl_domains") or options.unfurl_domains),
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest from a JSON or YAML file; a bare list is taken as its slash commands."""
    text = path.read_text(encoding="utf-8")
    data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    return {"commands": data} if isinstance(data, list) else dict(data)

"""PURE: which requests are ours to answer: the workspaces of the allow-list, our own app, people and not bots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.settings import Settings


def allowed(settings: Settings) -> frozenset[str]:
    """Ids of the workspaces and organisations that are answered."""
    return frozenset(name.strip() for name in settings.slack_teams.split(",") if name.strip())


def refusal(body: Mapping[str, Any], teams: frozenset[str], app_id: str) -> str | None:
    """Why a request is not answered, None when it is. Every workspace that it names must be on the list."""
    if body.get("type") == "url_verification":
        return None
    claimed_app = body.get("api_app_id")
    if app_id and claimed_app != app_id:
        return f"app {claimed_app!s:.20}"
    enterprises = {str(body.get("enterprise_id") or ""), str(_inside(body, "enterprise", "id") or "")} - {""}
    if enterprises & teams:
        return None
    named = {str(team) for team in _teams(body) if team}
    strangers = named - teams
    if not named:
        return "no workspace"
    return f"workspace {sorted(strangers)[0]:.20}" if strangers else None


def _teams(body: Mapping[str, Any]) -> list[Any]:
    """Where Slack says which workspace: the app's, the person's, and in shared channels the writer's."""
    return [
        body.get("team_id"),
        _inside(body, "team", "id"),
        _inside(body, "user", "team_id"),
        _inside(body, "event", "team"),
        _inside(body, "event", "user_team"),
        _inside(body, "event", "source_team"),
    ]


def _inside(body: Mapping[str, Any], outer: str, inner: str) -> Any:
    value = body.get(outer)
    return value.get(inner) if isinstance(value, Mapping) else None


def seen_key(body: Mapping[str, Any]) -> str:
    """What a second delivery of the same thing has in common with the first; "" when Slack named nothing."""
    if body.get("event_id"):
        return f"event/{body['event_id']!s:.200}"
    return f"trigger/{body['trigger_id']!s:.200}" if body.get("trigger_id") else ""


def is_person(event: Mapping[str, Any]) -> bool:
    """Whether a person wrote it: no bot, no notice of Slack's, no message without an author."""
    return bool(event.get("user")) and not event.get("bot_id") and not event.get("bot_profile")

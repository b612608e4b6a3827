"""views.*: modals on a stack of three, and the Home tab."""

from __future__ import annotations

from typing import Any

from bot.playground.content import refuse_view
from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import APP, BOT, TEAM, Trigger, View, Workspace

MOST_MODALS = 3


def as_json(view: View, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """The view object, with what a person has filled in."""
    defaults = {"callback_id": "", "external_id": "", "private_metadata": "", "clear_on_close": False}
    return {
        **defaults,
        "title": None,
        "submit": None,
        "close": None,
        "notify_on_close": False,
        **view.body,
        "id": view.id,
        "team_id": TEAM,
        "app_id": APP,
        "bot_id": BOT,
        "app_installed_team_id": TEAM,
        "hash": view.hash,
        "root_view_id": view.root,
        "previous_view_id": view.previous,
        "state": {"values": state or {}},
    }


def _trigger(call: Call) -> Trigger:
    name = call.string("trigger_id")
    trigger = call.workspace.triggers.get(name)
    if trigger is None:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if call.workspace.now() - trigger.made_at > call.workspace.options.trigger_s:
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger


def _view_argument(call: Call, kind: str) -> dict[str, Any]:
    view = refuse_view(call.workspace, call.nested("view", "invalid_arguments"))
    if view["type"] != kind:
        raise SlackError("invalid_arguments", [f"[ERROR] must be a view of type {kind} [json-pointer:/view/type]"])
    return view


def _unique(workspace: Workspace, body: dict[str, Any], but: str = "") -> None:
    wanted = body.get("external_id")
    if wanted and any(v.body.get("external_id") == wanted and v.id != but for v in workspace.views.values()):
        raise SlackError("duplicate_external_id")


def opened(call: Call) -> dict[str, Any]:
    """Open a modal."""
    body = _view_argument(call, "modal")
    _unique(call.workspace, body)
    trigger = _trigger(call)
    view = call.workspace.open_view("modal", body, trigger.user)
    return {"view": as_json(view)}


def pushed(call: Call) -> dict[str, Any]:
    """Put a modal on top of the one the person is looking at."""
    body = _view_argument(call, "modal")
    _unique(call.workspace, body)
    trigger = _trigger(call)
    stack = call.workspace.modals(trigger.user)
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= MOST_MODALS:
        raise SlackError("push_limit_reached")
    return {"view": as_json(call.workspace.open_view("modal", body, trigger.user, stack[-1]))}


def updated(call: Call) -> dict[str, Any]:
    """Change an open view; with `hash`, only if nobody changed it meanwhile."""
    body = refuse_view(call.workspace, call.nested("view", "invalid_arguments"))
    wanted, external = call.string("view_id", ""), call.string("external_id", "")
    found = [
        v
        for v in call.workspace.views.values()
        if v.id == wanted or (external and v.body.get("external_id") == external)
    ]
    if not found:
        raise SlackError("not_found")
    view = found[0]
    if body["type"] != view.kind:
        raise SlackError("invalid_arguments", ["[ERROR] the type of a view cannot change [json-pointer:/view/type]"])
    _unique(call.workspace, body, view.id)
    _same_hash(call, view)
    replace_body(call.workspace, view, body)
    return {"view": as_json(view)}


def _same_hash(call: Call, view: View) -> None:
    wanted = call.string("hash", "")
    if wanted and wanted != view.hash:
        raise SlackError("hash_conflict")


def replace_body(workspace: Workspace, view: View, body: dict[str, Any]) -> None:
    """Give a view new contents; what was filled into fields that stay is kept."""
    view.body, view.hash, view.error = body, workspace.fresh_hash(), ""
    kept = {block["block_id"] for block in body["blocks"]}
    view.values = {block_id: value for block_id, value in view.values.items() if block_id in kept}
    workspace.journal.add("view", view_id=view.id, user=view.user, type=view.kind)


def published(call: Call) -> dict[str, Any]:
    """Set a user's Home tab."""
    user = call.string("user_id")
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    body = _view_argument(call, "home")
    view = call.workspace.home.get(user)
    if view is None:
        view = call.workspace.open_view("home", body, user)
    else:
        _same_hash(call, view)
        replace_body(call.workspace, view, body)
    return {"view": as_json(view)}


VIEWS = (
    Method("views.open", (), opened),
    Method("views.push", (), pushed),
    Method("views.update", (), updated),
    Method("views.publish", (), published),
)

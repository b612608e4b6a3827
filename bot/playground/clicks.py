"""What a person does with blocks: press a button, choose, fill in a modal, use a message shortcut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.playground.content import as_slack_sees, refuse_view
from bot.playground.delivery import Delivery, Outcome
from bot.playground.errors import SlackError
from bot.playground.gestures import KIND, Gestures
from bot.playground.methods.views import MOST_MODALS, as_json, replace_body
from bot.playground.payloads import (
    channel_object,
    initial_of,
    interactive,
    message_container,
    options_of,
    state_of,
    view_container,
)
from bot.playground.validate import elements_of
from bot.playground.workspace import Block, Message, ResponseUrl, View, Workspace


def find_element(blocks: list[Block], action_id: str, block_id: str | None) -> tuple[Block, Block]:
    """The block and the element that a person pressed."""
    for block in blocks:
        for element in elements_of(block):
            if element.get("action_id") == action_id and block_id in (None, "", block["block_id"]):
                return block, element
    raise SlackError("action_not_found", status=404)


def state_values(blocks: list[Block], given: dict[str, Any]) -> dict[str, Any]:
    """`state.values` for all inputs and menus: what was given, else what they hold at first."""
    values: dict[str, Any] = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] not in ("button", "overflow"):
                mine = given.get(block["block_id"], {})
                value = mine[element["action_id"]] if element["action_id"] in mine else initial_of(element)
                values.setdefault(block["block_id"], {})[element["action_id"]] = state_of(element, value)
    return values


@dataclass(slots=True)
class Clicks:
    """Acts as one of the members; runs on the server's loop."""

    workspace: Workspace
    delivery: Delivery
    gestures: Gestures

    def _message(self, user: str, channel: str, ts: str) -> Message:
        message = self.gestures.room(channel, user).find(ts)
        if message is None or message.ephemeral_for not in (None, user):
            raise SlackError("message_not_found", status=404)
        return message

    def _view(self, user: str, view_id: str) -> View:
        view = self.workspace.views.get(view_id)
        if view is None or view.user != user:
            raise SlackError("view_not_found", status=404)
        return view

    async def act(
        self,
        user: str,
        action_id: str,
        *,
        channel: str = "",
        ts: str = "",
        view_id: str = "",
        block_id: str | None = None,
        value: Any = None,
        values: dict[str, Any] | None = None,
        to: str | None = None,
    ) -> Outcome:
        """Press, or choose `value` in, an element of a message or of a view."""
        person = self.gestures.person(user)
        if view_id:
            view = self._view(user, view_id)
            view.values = values or view.values
            block, element = find_element(view.body["blocks"], action_id, block_id)
            trigger = self.workspace.make_trigger(user, view.id)
            place: dict[str, Any] = {
                "container": view_container(view),
                "view": as_json(view, state_values(view.body["blocks"], view.values)),
            }
        else:
            message = self._message(user, channel, ts)
            blocks = [*message.blocks, *(b for entry in message.attachments for b in entry.get("blocks", ()))]
            block, element = find_element(blocks, action_id, block_id)
            trigger = self.workspace.make_trigger(user)
            place = self._in_message(message, user) | {"state": {"values": state_values(blocks, values or {})}}
        action = self._action(block, element, value)
        payload = interactive("block_actions", person, **place, trigger_id=trigger, actions=[action])
        outcome = await self.delivery.deliver("interactive", payload, to=to)
        if outcome.error:
            self._complain(user, channel, view_id, outcome)
        return outcome

    def _in_message(self, message: Message, user: str) -> dict[str, Any]:
        room = self.workspace.channels[message.channel]
        made = ResponseUrl(user, room.id, self.workspace.now(), message.ts, message.thread_ts)
        place = {
            "container": message_container(message),
            "channel": channel_object(room),
            "response_url": self.workspace.make_response_url(self.gestures.base_url, made),
        }
        # Slack does not send the message along when it was ephemeral.
        return place if message.ephemeral_for else place | {"message": as_slack_sees(message)}

    def _action(self, block: Block, element: Block, value: Any) -> dict[str, Any]:
        action = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
        action["action_ts"] = self.workspace.next_ts()
        if element["type"] == "button":
            return action | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
        known = {choice["value"] for choice in options_of(element)}
        if known and isinstance(value, str) and value not in known:
            raise SlackError("option_not_found", status=400)
        return action | state_of(element, value)

    def _complain(self, user: str, channel: str, view_id: str, outcome: Outcome) -> None:
        text = f"That did not work: {outcome.error}. {KIND[outcome.error]}"
        if view_id:
            self.workspace.views[view_id].error = text
            self.workspace.journal.add("view", view_id=view_id, user=user, type="error")
        else:
            self.gestures.notice(user, channel, text)

    async def options(self, user: str, action_id: str, typed: str, **place: str) -> list[Block]:
        """Ask the app for the options of an external menu."""
        if place.get("view_id"):
            view = self._view(user, place["view_id"])
            where: dict[str, Any] = {"container": view_container(view), "view": as_json(view)}
            blocks = view.body["blocks"]
        else:
            message = self._message(user, place["channel"], place["ts"])
            where = {"container": message_container(message), "message": as_slack_sees(message)}
            blocks = message.blocks
        block, _ = find_element(blocks, action_id, place.get("block_id"))
        asked = {"action_id": action_id, "block_id": block["block_id"], "value": typed}
        payload = interactive("block_suggestion", self.gestures.person(user), **where, **asked)
        outcome = await self.delivery.deliver("interactive", payload)
        body = outcome.body if isinstance(outcome.body, dict) else {}
        groups = body.get("option_groups") or []
        return list(body.get("options") or [choice for group in groups for choice in group["options"]])

    async def submit(
        self, user: str, view_id: str, values: dict[str, Any], to: str | None = None
    ) -> tuple[Outcome, dict[str, str]]:
        """Send a modal off. Returns how it went and, by block, what is wrong with the input."""
        view = self._view(user, view_id)
        view.values, view.error = values, ""
        state = state_values(view.body["blocks"], values)
        missing = _missing(view.body["blocks"], state)
        if missing:
            return Outcome(200, 0), missing
        payload = interactive(
            "view_submission",
            self.gestures.person(user),
            view=as_json(view, state),
            trigger_id=self.workspace.make_trigger(user, view.id),
            response_urls=[],
        )
        outcome = await self.delivery.deliver("interactive", payload, to=to)
        if outcome.error:
            self._complain(user, "", view_id, outcome)
            return outcome, {}
        return outcome, self._answered(view, outcome.body)

    def _answered(self, view: View, body: Any) -> dict[str, str]:
        """Do what the acknowledgement of a submission says."""
        action = body.get("response_action") if isinstance(body, dict) else None
        try:
            if action == "errors":
                return {str(block): str(text) for block, text in body["errors"].items()}
            if action == "update":
                replace_body(self.workspace, view, refuse_view(self.workspace, body["view"]))
            elif action == "push":
                if len(self.workspace.modals(view.user)) >= MOST_MODALS:
                    raise SlackError("push_limit_reached")
                self.workspace.open_view("modal", refuse_view(self.workspace, body["view"]), view.user, view)
            else:
                self.close(view, every=action == "clear")
        except (SlackError, KeyError, AttributeError) as error:
            code = error.code if isinstance(error, SlackError) else "invalid_arguments"
            more = "; ".join(error.messages) if isinstance(error, SlackError) else ""
            view.error = f"The bot's answer was refused: {code}. {more}"
            self.workspace.journal.add("refused", what="view_submission answer", error=code, why=more)
        return {}

    def close(self, view: View, *, every: bool = False) -> None:
        """Close a modal, or the whole stack."""
        for gone in self.workspace.modals(view.user) if every else [view]:
            self.workspace.views.pop(gone.id, None)
        self.workspace.journal.add("view", view_id=view.id, user=view.user, type="closed")

    async def dismiss(self, user: str, view_id: str, *, every: bool = False) -> None:
        """Close without sending; the app hears of it if it wanted to."""
        view = self._view(user, view_id)
        self.close(view, every=every or bool(view.body.get("clear_on_close")))
        if view.body.get("notify_on_close"):
            payload = interactive("view_closed", self.gestures.person(user), view=as_json(view), is_cleared=every)
            await self.delivery.deliver("interactive", payload)

    async def shortcut(self, user: str, callback_id: str, channel: str = "", ts: str = "") -> Outcome:
        """Use a shortcut; with a message, a message shortcut."""
        person = self.gestures.person(user)
        more: dict[str, Any] = {"callback_id": callback_id, "trigger_id": self.workspace.make_trigger(user)}
        more["action_ts"] = self.workspace.next_ts()
        if not ts:
            return await self.delivery.deliver("interactive", interactive("shortcut", person, **more))
        message = self._message(user, channel, ts)
        place = self._in_message(message, user)
        del place["container"]
        outcome = await self.delivery.deliver(
            "interactive", interactive("message_action", person, **more, **place, message_ts=ts)
        )
        if outcome.error:
            self._complain(user, channel, "", outcome)
        return outcome


def _missing(blocks: list[Block], state: dict[str, Any]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for block in blocks:
        if block["type"] == "input":
            held = state[block["block_id"]][block["element"]["action_id"]]
            value = next((v for name, v in held.items() if name != "type"), None)
            if not value and not block.get("optional"):
                wrong[block["block_id"]] = "Please complete this required field."
            elif isinstance(value, str):
                shortest, longest = block["element"].get("min_length", 0), block["element"].get("max_length", 3000)
                if not shortest <= len(value) <= longest:
                    wrong[block["block_id"]] = f"Must be {shortest} to {longest} characters."
    return wrong

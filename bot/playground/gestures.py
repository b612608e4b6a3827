"""What a person does in the client: say, edit, run a command, open Home. Buttons and modals are in clicks.py."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from bot.playground.content import as_slack_sees
from bot.playground.delivery import Delivery, Outcome
from bot.playground.errors import SlackError
from bot.playground.payloads import as_sent, changed_event, channel_type, message_event, slash_command
from bot.playground.responses import say_response
from bot.playground.workspace import BOT_USER, SLACKBOT, Channel, Message, ResponseUrl, User, Workspace

KIND = {
    "operation_timeout": "The bot did not answer within 3 seconds.",
    "dispatch_failed": "The bot could not be reached, or it answered with an error.",
}


@dataclass(slots=True)
class Gestures:
    """Acts as one of the members; runs on the server's loop."""

    workspace: Workspace
    delivery: Delivery
    base_url: str = ""
    greeted: set[str] = field(default_factory=set)

    def person(self, user: str) -> User:
        """A member by id, or SlackError."""
        found = self.workspace.users.get(user)
        if found is None:
            raise SlackError("user_not_found", status=404)
        return found

    def room(self, channel: str, user: str) -> Channel:
        """A channel that the member is in, or SlackError."""
        found = self.workspace.channels.get(channel)
        if found is None or user not in found.members:
            raise SlackError("channel_not_found", status=404)
        return found

    def notice(self, user: str, channel: str, text: str) -> Message:
        """Something the workspace itself tells one person, as Slackbot does."""
        message = Message(self.workspace.next_ts(), channel, SLACKBOT, text)
        message.ephemeral_for, message.notice = user, True
        return self.workspace.post(message)

    async def command(
        self, user: str, channel: str, typed: str, *, to: str | None = None, thread_ts: str | None = None
    ) -> Outcome:
        """Run a slash command. The app's reply in the acknowledgement becomes a message."""
        person, room = self.person(user), self.room(channel, user)
        name, _, words = typed.strip().partition(" ")
        if name == "/invite":
            return self._invite(person, room)
        if thread_ts:
            self.notice(user, channel, f"{name} is not supported in threads. Sorry!")
            return Outcome(400, 0, "not_supported_in_threads")
        options = self.workspace.options
        if "commands" not in options.scopes:
            return Outcome(400, 0, "missing_scope")
        if options.commands_known and name not in {command.name for command in options.commands}:
            self.notice(user, channel, f"{name} is not a valid command.")
            return Outcome(400, 0, "invalid_command")
        made = ResponseUrl(user, channel, self.workspace.now())
        payload = slash_command(
            person,
            room,
            name,
            words.strip(),
            self.workspace.make_trigger(user),
            self.workspace.make_response_url(self.base_url, made),
        )
        outcome = await self.delivery.deliver("slash_commands", payload, to=to)
        if outcome.error:
            why = KIND[outcome.error]
            self.notice(user, channel, f'{name} failed with the error "{outcome.error}". {why}')
        elif outcome.body:
            return self._answered(made, name, outcome)
        return outcome

    def _answered(self, made: ResponseUrl, name: str, outcome: Outcome) -> Outcome:
        """Say what came with the acknowledgement; content that Slack refuses is named to the person."""
        try:
            say_response(self.workspace, made, outcome.body)
        except SlackError as error:
            self.workspace.journal.add("refused", what=f"answer to {name}", error=error.code, why=list(error.messages))
            text = f'{name} failed with the error "{error.code}". {"; ".join(error.messages)}'
            self.notice(made.user, made.channel, text.strip())
            return replace(outcome, error=error.code)
        return outcome

    def _invite(self, person: User, room: Channel) -> Outcome:
        if BOT_USER in room.members:
            self.notice(person.id, room.id, f"<@{BOT_USER}> is already in this channel.")
            return Outcome(200, 0)
        room.members.append(BOT_USER)
        ts = self.workspace.next_ts()
        message = Message(ts, room.id, SLACKBOT, f"<@{BOT_USER}> was added to the channel by <@{person.id}>.")
        message.notice = True
        self.workspace.post(message)
        joined = {"type": "member_joined_channel", "user": BOT_USER, "channel": room.id, "channel_type": "C"}
        self.delivery.event(joined | {"team": "T0PLAY", "inviter": person.id, "event_ts": ts})
        return Outcome(200, 0)

    def say(self, user: str, channel: str, typed: str, thread_ts: str | None = None) -> Message:
        """Send a message; the app hears of it where it is a member."""
        room = self.room(channel, user)
        self.person(user)
        if not typed.strip():
            raise SlackError("no_text", status=400)
        if thread_ts and room.find(thread_ts) is None:
            raise SlackError("thread_not_found", status=404)
        text = as_sent(typed, self.workspace.users, self.workspace.channels)
        message = Message(self.workspace.next_ts(), channel, user, text, thread_ts=thread_ts)
        message.client_msg_id = str(uuid.uuid4())
        self.workspace.post(message)
        mentioned = f"<@{BOT_USER}>" in text
        if BOT_USER not in room.members:
            if mentioned:
                self.notice(user, channel, f"<@{BOT_USER}> is not in this channel. Type /invite to add it.")
            return message
        event = message_event(message, room)
        self.delivery.event(event)
        if mentioned:
            self.delivery.event({k: v for k, v in event.items() if k != "channel_type"} | {"type": "app_mention"})
        self._links(message, room)
        return message

    def _links(self, message: Message, room: Channel) -> None:
        domains = self.workspace.options.unfurl_domains
        links = []
        for url in re.findall(r"<(https?://[^>|]+)", message.text):
            host = urlsplit(url).hostname or ""
            if any(host == domain or host.endswith(f".{domain}") for domain in domains):
                links.append({"domain": host, "url": url.replace("&amp;", "&")})
        if links:
            event: dict[str, Any] = {"type": "link_shared", "channel": room.id, "user": message.user, "links": links}
            thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
            self.delivery.event(
                event | {"message_ts": message.ts, "event_ts": message.ts, "source": "conversations_history"} | thread
            )

    def edit(self, user: str, channel: str, ts: str, typed: str) -> Message:
        """Change an own message."""
        room = self.room(channel, user)
        message = room.find(ts)
        if message is None or message.user != user:
            raise SlackError("cant_update_message", status=404)
        before = as_slack_sees(message)
        message.text = as_sent(typed, self.workspace.users, self.workspace.channels)
        message.edited = {"user": user, "ts": self.workspace.next_ts()}
        self.workspace.journal.add("edit", ts=ts, channel=channel, text=message.text)
        if BOT_USER in room.members:
            self.delivery.event(changed_event(message, before, room, message.edited["ts"]))
        return message

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Take an own message away."""
        room = self.room(channel, user)
        message = room.find(ts)
        if message is None or user not in (message.user, message.ephemeral_for):
            raise SlackError("cant_delete_message", status=404)
        room.messages.remove(message)
        self.workspace.journal.add("delete", ts=ts, channel=channel)
        if BOT_USER in room.members and message.ephemeral_for is None:
            at = self.workspace.next_ts()
            event = {"type": "message", "subtype": "message_deleted", "deleted_ts": ts, "channel": channel, "ts": at}
            more = {"previous_message": as_slack_sees(message), "event_ts": at, "hidden": True}
            self.delivery.event(event | more | {"channel_type": channel_type(room)})

    def home(self, user: str, tab: str = "home") -> None:
        """Open the app's Home or Messages tab."""
        self.person(user)
        ts = self.workspace.next_ts()
        dm = self.workspace.dm(user)
        event: dict[str, Any] = {"type": "app_home_opened", "user": user, "tab": tab, "event_ts": ts}
        event["channel"] = dm.id if dm else ""
        self.delivery.event(event)

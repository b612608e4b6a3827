"""The state of the stand-in workspace: people, channels, messages, files, views. No network in here."""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bot.playground.journal import Journal
from bot.playground.options import Options

TEAM, APP, BOT_USER, BOT, SLACKBOT = "T0PLAY", "A0PLAY", "UBOT", "B0PLAY", "USLACKBOT"
Block = dict[str, Any]


@dataclass(slots=True)
class User:
    """A member. `tz` is an IANA zone name, `tz_offset` in seconds."""

    id: str
    name: str
    real_name: str
    color: str
    tz: str = "Europe/Berlin"
    tz_offset: int = 3600
    is_bot: bool = False


@dataclass(slots=True)
class Message:
    """One message; `ephemeral_for` is the only user who sees it, or None for everybody."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    attachments: list[Block] = field(default_factory=list)
    thread_ts: str | None = None
    ephemeral_for: str | None = None
    files: list[str] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    client_msg_id: str | None = None
    bot_id: str | None = None
    edited: dict[str, str] | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    unfurls: dict[str, Any] = field(default_factory=dict)
    notice: bool = False  # said by the workspace itself, as Slackbot does


@dataclass(slots=True)
class Channel:
    """A channel or a direct message with the app (`is_im`)."""

    id: str
    name: str
    members: list[str]
    is_im: bool = False
    is_private: bool = False
    topic: str = ""
    messages: list[Message] = field(default_factory=list)
    last_post_at: float = 0.0

    def find(self, ts: str) -> Message | None:
        """The message with this ts."""
        return next((message for message in self.messages if message.ts == ts), None)


@dataclass(slots=True)
class File:
    """An uploaded file. `ready_at` is when its processing ends; None while it is not completed."""

    id: str
    name: str
    length: int
    alt_txt: str
    key: str
    title: str = ""
    content: bytes | None = None
    mimetype: str = ""
    ready_at: float | None = None
    channels: list[str] = field(default_factory=list)

    def ready(self, now: float) -> bool:
        """Whether Slack would show it in a message by now."""
        return self.ready_at is not None and now >= self.ready_at


@dataclass(slots=True)
class View:
    """A modal or a Home tab; `values` is what a person has typed or chosen so far."""

    id: str
    kind: Literal["modal", "home"]
    body: dict[str, Any]
    user: str
    hash: str
    root: str
    previous: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    opened_from: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Trigger:
    """A trigger_id: works once, within Options.trigger_s."""

    user: str
    made_at: float
    view_id: str | None = None
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A response_url: five uses within thirty minutes. `source_ts` is the message whose button made it, if any."""

    user: str
    channel: str
    made_at: float
    source_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


PEOPLE = (
    User("UADA", "ada", "Ada Moreau", "#7c3aed", "Europe/London", 0),
    User("UBEN", "ben", "Ben Okafor", "#0f766e", "Europe/Berlin", 3600),
    User("UCHEN", "chen", "Chen Wei", "#c2410c", "Asia/Taipei", 28800),
    User("UDANA", "dana", "Dana Lindqvist", "#be185d", "America/New_York", -18000),
    User("UEMRE", "emre", "Emre Kaya", "#1d4ed8", "Europe/Istanbul", 10800),
)


class Workspace:
    """Everything the stand-in remembers. Changed on the server's loop only; other threads may read."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.journal = Journal()
        self.users = {user.id: User(**asdict(user)) for user in PEOPLE}
        self.users[BOT_USER] = User(BOT_USER, options.app_name, options.app_name, "#334155", "Etc/UTC", 0, True)
        people = [user.id for user in PEOPLE]
        listed = [
            Channel(
                "C0MILESTONE", "milestone-1", [*people, BOT_USER], topic="Who has the best model, and can we repeat it?"
            ),
            Channel("C0GENERAL", "general", list(people), topic="Everything else"),
            *(Channel(f"D0{user.name.upper()}", user.name, [user.id, BOT_USER], is_im=True) for user in PEOPLE),
        ]
        self.channels = {channel.id: channel for channel in listed}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.home: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self._last_us = 0
        self._numbers = itertools.count(1)

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def next_ts(self) -> str:
        """A message timestamp: unique in the whole workspace and always growing."""
        self._last_us = max(self._last_us + 1, int(self.now() * 1_000_000))
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        """An id such as F0000012."""
        return f"{prefix}{next(self._numbers):07d}"

    def dm(self, user: str) -> Channel | None:
        """The direct message between a user and the app."""
        return next((c for c in self.channels.values() if c.is_im and user in c.members), None)

    def post(self, message: Message) -> Message:
        """Append a message and tell the journal."""
        channel = self.channels[message.channel]
        channel.messages.append(message)
        channel.last_post_at = self.now()
        self.journal.add("message", ts=message.ts, channel=message.channel, user=message.user, text=message.text)
        return message

    def replies(self, channel: Channel, ts: str) -> list[Message]:
        """Public replies in the thread under `ts`, oldest first."""
        return [m for m in channel.messages if m.thread_ts == ts and m.ts != ts and m.ephemeral_for is None]

    def make_trigger(self, user: str, view_id: str | None = None) -> str:
        """A fresh trigger_id."""
        trigger = f"{next(self._numbers)}.{TEAM}.{secrets.token_hex(16)}"
        self.triggers[trigger] = Trigger(user, self.now(), view_id)
        return trigger

    def make_response_url(self, base_url: str, made: ResponseUrl) -> str:
        """A fresh response_url under the server's own address."""
        key = secrets.token_urlsafe(18)
        self.response_urls[key] = made
        return f"{base_url}/response/{TEAM}/{key}"

    def open_view(
        self, kind: Literal["modal", "home"], body: dict[str, Any], user: str, below: View | None = None
    ) -> View:
        """Keep a new view; `below` is the view it is pushed onto."""
        view_id = self.next_id("V")
        view = View(view_id, kind, body, user, self.fresh_hash(), below.root if below else view_id)
        view.previous = below.id if below else None
        self.views[view_id] = view
        if kind == "home":
            self.home[user] = view
        self.journal.add("view", view_id=view_id, user=user, type=kind)
        return view

    def fresh_hash(self) -> str:
        """What a view's hash becomes whenever it changes."""
        return f"{self.next_ts()}.{secrets.token_hex(4)}"

    def modals(self, user: str) -> list[View]:
        """The user's stack of modals, bottom first."""
        return [view for view in self.views.values() if view.kind == "modal" and view.user == user]

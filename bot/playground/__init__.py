"""A stand-in Slack workspace: strict where Slack is strict, with a page in the browser. An approximation, not Slack.

from bot.playground import start

with start() as slack:
    app = App(client=WebClient(token=slack.bot_token, base_url=slack.api_url))
    slack.send_command("UADA", "C0MILESTONE", "/best milestone-1")
    slack.wait_for(lambda workspace: workspace.channels["C0MILESTONE"].messages, 5)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from bot.playground.delivery import Outcome
from bot.playground.faults import Fault
from bot.playground.journal import Journal
from bot.playground.options import Command, Options, Shortcut, with_manifest
from bot.playground.server import Room, Server, in_thread
from bot.playground.workspace import Message, Workspace

__all__ = ["Command", "Message", "Options", "Outcome", "Playground", "Shortcut", "Workspace", "start", "with_manifest"]

T = TypeVar("T")


class Playground:
    """A running workspace, driven from another thread. Every method returns when the deed is done."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.workspace: Workspace = room.workspace
        self.journal: Journal = room.workspace.journal
        self.url: str = room.url
        self.api_url: str = f"{room.url}/api/"
        self.bot_token: str = room.workspace.options.bot_token
        self.app_token: str = room.workspace.options.app_token
        self.signing_secret: str = room.workspace.options.signing_secret

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._room.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._room.loop).result(60)

    def _do(self, deed: Callable[[], T]) -> T:
        async def work() -> T:
            return deed()

        return self._run(work())

    def deliver_to(self, where: str) -> None:
        """ "socket", or the URL that signed requests go to."""
        self.workspace.options = replace(self.workspace.options, deliver=where)

    def send_command(self, user: str, channel: str, text: str, **how: Any) -> Outcome:
        """Run a slash command; how: to="socket" or a URL, thread_ts=…"""
        return self._run(self._room.gestures.command(user, channel, text, **how))

    def send_message(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Say something. The app is told in the background."""
        return self._do(lambda: self._room.gestures.say(user, channel, text, thread_ts))

    def edit_message(self, user: str, channel: str, ts: str, text: str) -> Message:
        """Change an own message."""
        return self._do(lambda: self._room.gestures.edit(user, channel, ts, text))

    def delete_message(self, user: str, channel: str, ts: str) -> None:
        """Take an own message away."""
        self._do(lambda: self._room.gestures.delete(user, channel, ts))

    def click(self, user: str, action_id: str, **place: Any) -> Outcome:
        """Press or choose; place: channel= and ts=, or view_id=; also block_id=, value=, values=."""
        return self._run(self._room.clicks.act(user, action_id, **place))

    def open_home(self, user: str, tab: str = "home") -> None:
        """Open the app's Home tab."""
        self._do(lambda: self._room.gestures.home(user, tab))

    def submit_view(self, user: str, view_id: str, values: dict[str, Any]) -> tuple[Outcome, dict[str, str]]:
        """Send a modal off: how it went, and what is wrong with the input by block."""
        return self._run(self._room.clicks.submit(user, view_id, values))

    def close_view(self, user: str, view_id: str) -> None:
        """Close a modal without sending it."""
        self._run(self._room.clicks.dismiss(user, view_id))

    def use_shortcut(self, user: str, callback_id: str, channel: str = "", ts: str = "") -> Outcome:
        """Use a shortcut, on a message if one is named."""
        return self._run(self._room.clicks.shortcut(user, callback_id, channel, ts))

    def fault(self, method: str, kind: str, times: int = 1, seconds: float = 1.0) -> None:
        """Make the next `times` calls of `method` fail: "429", "500", "drop_reply", "slow" or "error:CODE"."""
        self._room.faults.add(Fault(method, kind, times, seconds))

    def disconnect(self, reason: str = "refresh_requested") -> int:
        """End all Socket Mode connections; "drop" without a word."""
        return self._run(self._room.sockets.disconnect(reason))

    def redeliver(self, event_id: str) -> Outcome | None:
        """Send an event once more under the same event_id."""
        return self._run(self._room.delivery.redeliver(event_id))

    def messages(self, channel: str) -> list[Message]:
        """All messages of a channel, oldest first, what was whispered included."""
        return list(self.workspace.channels[channel].messages)

    def wait_for(self, predicate: Callable[[Workspace], T], timeout: float = 20.0) -> T:
        """What `predicate` returns once it is true; TimeoutError after `timeout` seconds."""
        return self.journal.wait_for(lambda: predicate(self.workspace), timeout)


@contextmanager
def start(options: Options | None = None, *, port: int = 0, **changes: Any) -> Iterator[Playground]:
    """Run a workspace in a thread on loopback; `changes` are fields of Options, for example rate_limit=True."""
    room = Room(replace(options or Options(), **changes))
    server = Server(room, "127.0.0.1", port)
    thread = in_thread(server)
    try:
        yield Playground(room)
    finally:
        server.stop()
        thread.join(10)

"""Bring a payload to the app, by socket or by signed HTTP, and say how it went."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.signed import Signed
from bot.playground.sockets import Sockets
from bot.playground.workspace import APP, BOT_USER, TEAM, Workspace

# What Slack says to the person in each case, and the nearest HTTP status for machines that read it.
SAID = {
    "timeout": ("operation_timeout", 504),
    "http_timeout": ("operation_timeout", 504),
    "no_connection": ("dispatch_failed", 503),
    "connection_failed": ("dispatch_failed", 502),
    "http_error": ("dispatch_failed", 502),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one delivery went. `error` is Slack's word for it, "" when all is well; `body` what the app sent along."""

    status: int
    ack_ms: int
    error: str = ""
    reason: str = ""
    body: Any = None
    no_retry: bool = False


@dataclass(slots=True)
class Delivery:
    """The way out of the workspace, to the one app that is installed."""

    workspace: Workspace
    sockets: Sockets
    signed: Signed
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def deliver(
        self, kind: str, payload: Mapping[str, Any], *, to: str | None = None, retry: tuple[int, str] = (0, "")
    ) -> Outcome:
        """Send once and wait for the acknowledgement. `to` overrides Options.deliver."""
        where = to or self.workspace.options.deliver
        limit = self.workspace.options.ack_s
        start = time.monotonic()
        if where == "socket":
            ack = await self.sockets.send(kind, payload, limit, retry)
            status, reason, body, no_retry = (0 if ack.error else 200), ack.error, ack.payload, False
        else:
            answer = await self.signed.send(where, kind, payload, limit, retry)
            status, reason, no_retry = answer.status, answer.error, answer.no_retry
            body = _body(answer.body, answer.content_type) if not reason else None
        took = round((time.monotonic() - start) * 1000)
        error, status_for = SAID[reason] if reason else ("", status)
        outcome = Outcome(status or status_for, took, error, reason, body, no_retry)
        self._note(kind, payload, where, outcome, retry)
        return outcome

    def _note(
        self, kind: str, payload: Mapping[str, Any], where: str, outcome: Outcome, retry: tuple[int, str]
    ) -> None:
        inner = payload.get("event")
        what = payload.get("command") or (inner.get("type") if isinstance(inner, Mapping) else payload.get("type"))
        self.workspace.journal.add(
            "delivery",
            type=kind,
            what=what,
            event_id=payload.get("event_id"),
            to="socket" if where == "socket" else "http",
            status=outcome.status,
            ack_ms=outcome.ack_ms,
            error=outcome.error,
            reason=outcome.reason,
            attempt=retry[0],
            payload=dict(payload),
        )

    def event(self, event: Mapping[str, Any]) -> None:
        """Send an event in the background, with Slack's three retries; only types that the app subscribed to."""
        name = str(event["type"])
        if name == "message":
            suffix = {"channel": "channels", "group": "groups", "im": "im"}[str(event["channel_type"])]
            name = f"message.{suffix}"
        if name in self.workspace.options.events:
            self._background(self._event(wrapped(self.workspace, event)))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _event(self, payload: Mapping[str, Any]) -> None:
        outcome = await self.deliver("events_api", payload)
        for attempt, delay in enumerate(self.workspace.options.retry_delays_s, start=1):
            if not outcome.error or outcome.no_retry:
                return
            await asyncio.sleep(delay)
            outcome = await self.deliver("events_api", payload, retry=(attempt, outcome.reason))

    async def redeliver(self, event_id: str) -> Outcome | None:
        """Send an event again under its old event_id, as Slack does when it missed the acknowledgement."""
        for entry in reversed(self.workspace.journal.entries("delivery")):
            if entry["event_id"] == event_id:
                return await self.deliver("events_api", entry["payload"], retry=(1, "timeout"))
        return None

    def stop(self) -> None:
        """Give up what is still on its way."""
        for task in tuple(self._tasks):
            task.cancel()
        self.signed.close()


def wrapped(workspace: Workspace, event: Mapping[str, Any]) -> dict[str, Any]:
    """An event inside the outer shape of the Events API."""
    authorization = {
        "enterprise_id": None,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": "deprecated",
        "team_id": TEAM,
        "api_app_id": APP,
        "event": dict(event),
        "type": "event_callback",
        "event_id": workspace.next_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": workspace.next_id("EC"),
    }


def _body(text: str, content_type: str) -> Any:
    """The body of an acknowledgement: JSON, or plain text as a message."""
    if not text.strip():
        return None
    if content_type.startswith("application/json"):
        try:
            return json.loads(text)
        except ValueError:
            return {"text": text}
    return {"text": text}

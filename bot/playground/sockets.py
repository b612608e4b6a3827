"""Socket Mode: websocket connections, envelopes out, acknowledgements in."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.playground.journal import Journal
from bot.playground.workspace import APP

MOST_CONNECTIONS = 10
WAITING_S = 30.0


@dataclass(eq=False, slots=True)
class Connection:
    """One websocket of the app."""

    socket: WebSocket
    number: int
    going: bool = False  # told to disconnect: gets nothing new


@dataclass(frozen=True, slots=True)
class Ack:
    """What came back for an envelope; `error` is "" when it was acknowledged in time."""

    error: str = ""
    payload: Any = None
    connection: int | None = None


@dataclass(slots=True)
class Sockets:
    """All connections of the app. A payload goes to one of them, in turn."""

    journal: Journal
    connections: list[Connection] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _turn: int = 0

    def new_address(self, base_url: str) -> str:
        """A websocket URL that works once."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return f"ws://{urlsplit(base_url).netloc}/link/?ticket={ticket}&app_id={APP}"

    async def serve(self, socket: WebSocket) -> None:
        """Speak with one connection until it ends."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(4001, "ticket unknown or used")
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        connection = Connection(socket, next(self._numbers))
        self.connections.append(connection)
        self.journal.add("connected", connection=connection.number, connections=len(self.connections))
        try:
            await self._greet(connection)
            while True:
                self._heard(connection, await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass  # gone, or spoke in bytes
        finally:
            self.connections.remove(connection)
            self.journal.add("disconnected", connection=connection.number, connections=len(self.connections))

    async def _greet(self, connection: Connection) -> None:
        debug = {"host": "playground", "build_number": 1, "approximate_connection_time": 18_060}
        hello = {"type": "hello", "num_connections": len(self.connections), "debug_info": debug}
        await connection.socket.send_json({**hello, "connection_info": {"app_id": APP}})

    def _heard(self, connection: Connection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, Mapping) or "envelope_id" not in message:
            self.journal.add("refused", what="websocket message", text=text[:200], connection=connection.number)
            return
        waiting = self._waiting.get(str(message["envelope_id"]))
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("payload"))

    async def send(self, kind: str, payload: Mapping[str, Any], timeout_s: float, retry: tuple[int, str]) -> Ack:
        """Send one envelope and wait for its acknowledgement; `retry` is (attempt, reason)."""
        deadline = time.monotonic() + timeout_s
        connection = await self._pick(deadline)
        if connection is None:
            return Ack("no_connection")
        envelope_id = str(uuid.uuid4())
        envelope: dict[str, Any] = {"envelope_id": envelope_id, "type": kind, "payload": dict(payload)}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0], "retry_reason": retry[1]}
        answer = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await connection.socket.send_json(envelope)
            left = max(0.0, deadline - time.monotonic())
            return Ack("", await asyncio.wait_for(answer, left), connection.number)
        except TimeoutError:
            return Ack("timeout", None, connection.number)
        except (WebSocketDisconnect, RuntimeError):
            return Ack("connection_failed", None, connection.number)
        finally:
            del self._waiting[envelope_id]

    async def _pick(self, deadline: float) -> Connection | None:
        """The next connection in turn; waits for one while the app reconnects."""
        while True:
            open_ones = [connection for connection in self.connections if not connection.going]
            if open_ones:
                self._turn += 1
                return open_ones[self._turn % len(open_ones)]
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(0.02)

    async def disconnect(self, reason: str) -> int:
        """Tell every connection to go; "drop" cuts without a word. Returns how many were told."""
        going = list(self.connections)
        for connection in going:
            connection.going = reason != "warning"
            if reason != "drop":
                await connection.socket.send_json({"type": "disconnect", "reason": reason})
        if reason != "warning":
            await asyncio.sleep(0.0 if reason == "drop" else 0.2)
            for connection in going:
                if connection in self.connections:
                    await connection.socket.close(1001 if reason == "drop" else 1000)
        return len(going)

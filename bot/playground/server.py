"""The server: one ASGI app with Slack's side, the remote control and the page; run here or in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.playground.api import Api
from bot.playground.clicks import Clicks
from bot.playground.control import Control
from bot.playground.delivery import Delivery
from bot.playground.faults import Faults
from bot.playground.gestures import Gestures
from bot.playground.options import Options
from bot.playground.signed import Signed
from bot.playground.sockets import Sockets
from bot.playground.workspace import Workspace

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Careful:
    """Outermost layer: headers on every answer, and cutting the connection when a fault wants it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        if scope["type"] == "http":
            # uvicorn's send is a method of the request, which knows its connection.
            scope["cut"] = lambda: send.__self__.transport.abort()  # type: ignore[attr-defined]
        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Room:
    """All parts of one running workspace, wired."""

    def __init__(self, options: Options) -> None:
        self.url = ""
        self.workspace = Workspace(options)
        self.sockets = Sockets(self.workspace.journal)
        self.faults = Faults()
        self.delivery = Delivery(self.workspace, self.sockets, Signed(options.signing_secret))
        self.gestures = Gestures(self.workspace, self.delivery)
        self.clicks = Clicks(self.workspace, self.delivery, self.gestures)
        self.closing = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    def app(self) -> ASGIApp:
        """The ASGI application."""
        api = Api(self.workspace, self.sockets, self.faults, lambda: self.url)
        control = Control(self.workspace, self.gestures, self.clicks, self.sockets, self.faults, self.closing)

        async def page(request: Any) -> Response:
            return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

        @asynccontextmanager
        async def life(app: Starlette) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            yield
            self.delivery.stop()

        routes = [
            Route("/", page),
            *api.routes(),
            *control.routes(),
            WebSocketRoute("/link/", self.sockets.serve),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        return Careful(Starlette(routes=routes, lifespan=life))


class Server(uvicorn.Server):
    """uvicorn does not stop while an event stream is open unless the stream is told."""

    def __init__(self, room: Room, host: str, port: int) -> None:
        # The address is taken here, so that it is known before the first request and port 0 means any free one.
        # With the protocol named, asyncio sets TCP_NODELAY: else every request on a kept connection waits 40 ms.
        self.listening = socket.socket(proto=socket.IPPROTO_TCP)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.listening.bind((host, port))
        except OSError:
            self.listening.close()
            raise
        room.url = f"http://{host}:{self.listening.getsockname()[1]}"
        room.gestures.base_url = room.url
        self.room = room
        super().__init__(
            uvicorn.Config(room.app(), log_level="warning", access_log=False, timeout_graceful_shutdown=2, ws="auto")
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: end the streams too."""
        self.stop()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Stop soon; may be called from any thread."""
        self.should_exit = True
        if self.room.loop is not None and not self.room.loop.is_closed():
            self.room.loop.call_soon_threadsafe(self.room.closing.set)

    def serve_here(self, ready: Callable[[], None]) -> None:
        """Serve in this thread until a signal or `stop`; `ready` is called once connections are accepted."""

        async def main() -> None:
            serving = asyncio.ensure_future(self.serve([self.listening]))
            while not self.started and not serving.done():
                await asyncio.sleep(0.01)
            ready()
            await serving

        asyncio.run(main())


def in_thread(server: Server) -> threading.Thread:
    """Serve in a thread of its own; returns once the server accepts connections."""
    ready = threading.Event()
    thread = threading.Thread(target=server.serve_here, args=(ready.set,), name="playground", daemon=True)
    thread.start()
    if not ready.wait(20) or server.room.loop is None:
        raise RuntimeError("the stand-in workspace did not start within 20 s")
    return thread

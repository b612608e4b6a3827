"""The HTTP server process: listens, says when it is ready, and stops without waiting for open streams."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from trackrecord.errors import TrackrecordError

_LONGEST_STOP_S = 10


class Server(uvicorn.Server):
    """uvicorn that tells the application at once when it is asked to stop: `app.state.stopping` is set.

    Its own shutdown waits for every open response first, and a page that listens for events never ends by itself.
    """

    def __init__(
        self, app: FastAPI, *, on_ready: Callable[[], None] | None = None, on_stop: Callable[[], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_LONGEST_STOP_S,
                timeout_keep_alive=15,
            )
        )
        self._app = app
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stopping.set()
        await super().shutdown(sockets)
        if self._on_stop is not None:
            # Here and not after `run`: uvicorn raises the signal again at its end, and nothing of ours comes after.
            try:
                await asyncio.wait_for(asyncio.to_thread(self._on_stop), _LONGEST_STOP_S)
            except TimeoutError:
                return  # what was claimed is claimed again when its lease runs out

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.stopping.set()
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that port 0 is known by its real number. Raises TrackrecordError when it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise TrackrecordError(
            f"Port {port} of {host} cannot be listened on: {error.strerror}.",
            "Stop what listens there, or set TRACKRECORD_PORT (0: any free one).",
        ) from None
    return listener

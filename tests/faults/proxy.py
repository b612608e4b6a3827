"""A proxy between scripts and the registry that does to a request what networks do. It keeps what it did."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_SICK = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}

# What it can do to a request; "refused" is done to all of them: nobody listens.
Fault = str
FAULTS = (
    "none",
    "refused",
    "black hole",
    "drip",  # the answer, 1 byte a second
    "cut off",  # the connection is reset before the registry heard of the request
    "unanswered",  # the request was taken, and the connection is reset before the answer
    "sick",  # 30 % of the answers are 5xx, half of them although the request was taken
    "busy",  # 429 with Retry-After
    "torn",  # the answer ends too early
    "unauthorised",
    "refusal after half",  # the connection is reset in the middle of the request
)


class Proxy:
    """Listens on a free port. `fault` says what becomes of a request, by its method and path."""

    def __init__(self, to: str, lots: random.Random, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(to)
        assert parts.hostname
        assert parts.port
        self._to = (parts.hostname, parts.port)
        self._lots, self._tls = lots, tls
        self.fault: Callable[[str, str], Fault] = lambda _method, _path: "none"
        self.done: Counter[tuple[Fault, str]] = Counter()  # by fault and method
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True).start()
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._wait(self._stop_all())
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self._port}"

    @property
    def posts(self) -> int:
        """How many requests to keep something came in."""
        return sum(count for (_, method), count in self.done.items() if method == "PUT")

    def always(self, fault: Fault) -> None:
        """Do this to every request from now on; connections that are open are closed."""
        assert fault in FAULTS
        if fault == "refused":
            self.refuse()
            return
        self.fault = lambda _method, _path: fault
        if self._server is None:
            self.listen()
        self._wait(self._drop_all())

    def listen(self) -> None:
        self._wait(self._listen())

    def refuse(self) -> None:
        """Stop listening, so that connections are refused; `listen` takes the same port again."""
        self._wait(self._close())

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop_all()

    async def _drop_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _stop_all(self) -> None:
        mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._one(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked has gone, or the proxy stops
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on each connection."""
        first = await reader.readexactly(1)
        if first == b"\x16":  # somebody begins to speak TLS, and what listens here does not
            self.done["plain", ""] += 1
            return writer.write(_plain(400, "Bad Request", b"<html>plain HTTP</html>"))
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        fault = self.fault(method, path)
        self.done[fault, method] += 1
        if fault == "black hole":
            await asyncio.sleep(3600)
        size = _length(head)
        if fault == "refusal after half":
            await reader.readexactly(size // 2)
            return _reset(writer)
        body = await reader.readexactly(size)
        if fault == "cut off":
            return _reset(writer)
        if fault == "busy":
            return writer.write(_plain(429, "Too Many Requests", b"{}", "Retry-After: 1\r\n"))
        if fault == "unauthorised":
            return writer.write(_plain(401, "Unauthorized", b'{"error": {"message": "The token is not known."}}'))
        code = self._lots.choice(list(_SICK)) if fault == "sick" and self._lots.random() < 0.3 else 0
        if code and self._lots.random() < 0.5:
            return writer.write(_plain(code, _SICK[code], b"<html>oh no</html>"))
        answer = await self._forwarded(head, body)
        if code:
            return writer.write(_plain(code, _SICK[code], b"<html>oh no</html>"))
        await self._answer(writer, fault, answer)

    async def _answer(self, writer: asyncio.StreamWriter, fault: Fault, answer: bytes) -> None:
        if fault == "unanswered":
            _reset(writer)
        elif fault == "torn":
            writer.write(answer[: self._lots.randrange(1, len(answer))])
        elif fault == "drip":
            for at in range(len(answer)):
                writer.write(answer[at : at + 1])
                await writer.drain()
                await asyncio.sleep(1)
        else:
            writer.write(answer)
            await writer.drain()

    async def _forwarded(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._to)
        lines = [line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith((b"connection:", b"host:"))]
        host = f"Host: {self._to[0]}:{self._to[1]}".encode()
        writer.write(b"\r\n".join([*lines, host, b"Connection: close", b"", b""]) + body)
        await writer.drain()
        try:
            return await reader.read(-1)
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _plain(status: int, word: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} {word}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """A reset, not an orderly end."""
    made = writer.get_extra_info("socket")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

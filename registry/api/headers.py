"""What stands around every request: a well-formed host going in, and headers against misuse of pages coming out."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.api.errors import answer
from trackrecord.errors import TrackrecordError

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class AroundEveryRequest:
    """Refuses a Host that is malformed or not ours; adds the headers that a response does not set itself."""

    def __init__(self, app: ASGIApp, trusted_hosts: str = "") -> None:
        self.app = app
        self.trusted = frozenset(host.strip().lower() for host in trusted_hosts.split(",") if host.strip())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        api = scope["path"].startswith("/api/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _EVERYWHERE.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _API_POLICY if api else _PAGE_POLICY)
                if api:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if not self._may(Headers(scope=scope).getlist("host")):
            refusal = answer(TrackrecordError("The Host header is not one of this registry's.", status=400))
            await refusal(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)

    def _may(self, hosts: list[str]) -> bool:
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return False
        name = re.sub(r":[0-9]+$", "", hosts[0]).lower()
        return not self.trusted or name in self.trusted

"""HTTP delivery: requests signed as Slack signs them, given up after three seconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered. `status` 0 means: nothing in time or no connection, `error` says which."""

    status: int
    body: str = ""
    content_type: str = ""
    error: str = ""
    no_retry: bool = False


def signature(secret: str, timestamp: int, body: str) -> str:
    """Slack's v0 signature of a request body."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Signed:
    """Sends signed requests from threads of its own, so that a slow app delays nobody else."""

    secret: str
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32, "playground-http"))
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, retries=False))

    async def send(
        self, url: str, kind: str, payload: Mapping[str, Any], timeout_s: float, retry: tuple[int, str]
    ) -> Answer:
        """POST one payload: "events_api" as JSON, "slash_commands" as a form, "interactive" as its field `payload`."""
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        elif kind == "slash_commands":
            body, content_type = urlencode(payload), "application/x-www-form-urlencoded"
        else:
            body, content_type = urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
        timestamp = int(time.time())
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(timestamp),
            "X-Slack-Signature": signature(self.secret, timestamp, body),
        }
        if retry[0]:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._post, url, body, headers, timeout_s)
        try:
            return await asyncio.wait_for(asyncio.shield(work), timeout_s)
        except TimeoutError:
            return Answer(0, error="http_timeout")

    def _post(self, url: str, body: str, headers: dict[str, str], timeout_s: float) -> Answer:
        try:
            got = self._http.request("POST", url, body=body.encode(), headers=headers, timeout=timeout_s)
        except urllib3.exceptions.NewConnectionError:
            return Answer(0, error="connection_failed")
        except urllib3.exceptions.TimeoutError:
            return Answer(0, error="http_timeout")
        except urllib3.exceptions.HTTPError:
            return Answer(0, error="connection_failed")
        good = 200 <= got.status < 300
        return Answer(
            got.status,
            got.data.decode("utf-8", "replace"),
            got.headers.get("content-type", ""),
            "" if good else "http_error",
            not good and got.headers.get("x-slack-no-retry") == "1",
        )

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

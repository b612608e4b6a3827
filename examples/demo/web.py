"""Speak HTTP and JSON with the parts of the demo on loopback, past any proxy."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from examples.demo.parts import DemoError

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url: str, *, token: str | None = None, seconds: float = 30) -> bytes:
    return _send(urllib.request.Request(url), token, seconds)


def get(url: str, *, token: str | None = None) -> Any:
    return json.loads(fetch(url, token=token))


def send(url: str, body: object, *, token: str | None = None, method: str = "POST", seconds: float = 30) -> Any:
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    answer = _send(request, token, seconds)
    return json.loads(answer) if answer else None


def _send(request: urllib.request.Request, token: str | None, seconds: float) -> bytes:
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with _opener.open(request, timeout=seconds) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        raise DemoError(f"{request.get_method()} {request.full_url} answered {error.code}: {said}") from None
    except urllib.error.URLError as error:
        raise DemoError(f"{request.get_method()} {request.full_url}: {error.reason}") from None

"""The HTTP door for Slack: signed requests in, an answer within milliseconds; whatever is malformed is 400 or 401."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from starlette.concurrency import run_in_threadpool

log = logging.getLogger("trackrecord.bot")

MOST_BYTES = 1_000_000  # Slack's largest payloads are a quarter of that
WINDOW_S = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
# What Bolt raises where a payload has not the shape that its kind has at Slack.
_MISSHAPEN = (TypeError, KeyError, AttributeError, IndexError, ValueError)


def create_http(app: App, signing_secret: str) -> FastAPI:
    """POST /slack/events for everything that Slack sends, GET /healthz."""
    api = FastAPI(title="trackrecord bot", openapi_url=None, docs_url=None, redoc_url=None)

    @api.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @api.post("/slack/events")
    async def events(request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return Response("the body is too large", 413)
        if not is_signed(signing_secret, request.headers, body, time.time()):
            return Response("not signed by Slack, or too old", 401)
        if not is_readable(request.headers.get("content-type", ""), body):
            return Response("the body cannot be read", 400)
        # Bolt is synchronous: on the event loop one slow step would hold up every other command.
        return await run_in_threadpool(_dispatch, app, request, body)

    return api


async def _read(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body


def _dispatch(app: App, request: Request, body: bytes) -> Response:
    try:
        answer = app.dispatch(to_bolt_request(request, body))
    except _MISSHAPEN:
        log.exception("a signed request that Bolt could not follow")
        return Response("the body has not the shape that Slack's have", 400)
    return to_starlette_response(answer)


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether Slack signed these bytes within the last five minutes. Headers and body of any shape may come."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    if abs(now - int(timestamp)) > WINDOW_S:
        return False
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}", signature)


def is_readable(content_type: str, body: bytes) -> bool:
    """Whether it is what Slack sends: a JSON object, or a form whose `payload`, if there is one, is a JSON object."""
    kind = content_type.split(";")[0].strip().lower()
    try:
        text = body.decode("utf-8")
        if kind == "application/json":
            return isinstance(json.loads(text), dict)
        form = parse_qs(text, keep_blank_values=True, max_num_fields=1000)
        payloads = form.get("payload", [])
        objects = all(isinstance(json.loads(payload), dict) for payload in payloads)
    except (ValueError, RecursionError):
        return False
    return kind == "application/x-www-form-urlencoded" and bool(form) and objects

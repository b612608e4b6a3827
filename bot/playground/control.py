"""/playground/*: what the page, the tests and the demo do and see, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.playground.api import file_response, strict_json
from bot.playground.clicks import Clicks
from bot.playground.delivery import Outcome
from bot.playground.errors import SlackError
from bot.playground.faults import Fault, Faults
from bot.playground.gestures import Gestures
from bot.playground.options import with_manifest
from bot.playground.shown import command_json, state_json
from bot.playground.sockets import Sockets
from bot.playground.workspace import Workspace

Answer = dict[str, Any]
HEARTBEAT_S = 10.0


def outcome_json(outcome: Outcome) -> Answer:
    """How a delivery went."""
    return {"status": outcome.status, "ack_ms": outcome.ack_ms, "error": outcome.error}


@dataclass(slots=True)
class Control:
    """The remote control of the workspace. It has no password: the server listens on loopback."""

    workspace: Workspace
    gestures: Gestures
    clicks: Clicks
    sockets: Sockets
    faults: Faults
    closing: asyncio.Event

    def routes(self) -> list[Route]:
        """All routes under /playground/."""
        posts: dict[str, Callable[[Answer], Awaitable[Answer]]] = {
            "command": self.command,
            "message": self.message,
            "edit": self.edit,
            "delete": self.delete,
            "action": self.action,
            "options": self.options,
            "home": self.home,
            "view": self.view,
            "shortcut": self.shortcut,
            "fault": self.fault,
            "disconnect": self.disconnect,
            "redeliver": self.redeliver,
            "manifest": self.manifest,
            "deliver": self.deliver,
        }
        gets = {"state": self.state, "journal": self.journal, "stream": self.stream, "commands": self.commands}
        return [
            *(Route(f"/playground/{name}", self._post(run), methods=["POST"]) for name, run in posts.items()),
            *(Route(f"/playground/{name}", run, methods=["GET"]) for name, run in gets.items()),
            Route("/playground/files/{file}", self.file, methods=["GET"]),
        ]

    def _post(self, run: Callable[[Answer], Awaitable[Answer]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            # Another site in the same browser must not press buttons here.
            if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
                return JSONResponse({"error": "cross_site"}, 403)
            try:
                body = strict_json(await request.body())
                if not isinstance(body, dict):
                    raise TypeError("an object is needed")
                return JSONResponse(await run(body))
            except SlackError as error:
                return JSONResponse({"error": error.code, "why": list(error.messages)}, max(400, error.status))
            except KeyError as error:
                return JSONResponse({"error": "missing_field", "why": [str(error)]}, 400)
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": "bad_request", "why": [str(error)]}, 400)

        return endpoint

    async def command(self, body: Answer) -> Answer:
        """{"user", "channel", "text": "/best …", "deliver"?, "thread_ts"?}"""
        outcome = await self.gestures.command(
            body["user"], body["channel"], body["text"], to=body.get("deliver"), thread_ts=body.get("thread_ts")
        )
        return outcome_json(outcome)

    async def message(self, body: Answer) -> Answer:
        """{"user", "channel", "text", "thread_ts"?}"""
        return {"ts": self.gestures.say(body["user"], body["channel"], body["text"], body.get("thread_ts")).ts}

    async def edit(self, body: Answer) -> Answer:
        """{"user", "channel", "ts", "text"}"""
        return {"ts": self.gestures.edit(body["user"], body["channel"], body["ts"], body["text"]).ts}

    async def delete(self, body: Answer) -> Answer:
        """{"user", "channel", "ts"}"""
        self.gestures.delete(body["user"], body["channel"], body["ts"])
        return {}

    async def action(self, body: Answer) -> Answer:
        """{"user", "action_id", "block_id"?, "value"?, "values"?} with {"channel", "ts"} or {"view_id"}"""
        outcome = await self.clicks.act(
            body["user"],
            body["action_id"],
            channel=body.get("channel", ""),
            ts=body.get("ts", ""),
            view_id=body.get("view_id", ""),
            block_id=body.get("block_id"),
            value=body.get("value"),
            values=body.get("values"),
            to=body.get("deliver"),
        )
        return outcome_json(outcome)

    async def options(self, body: Answer) -> Answer:
        """{"user", "action_id", "block_id"?, "value"} with {"channel", "ts"} or {"view_id"}"""
        place = {name: body[name] for name in ("channel", "ts", "view_id", "block_id") if body.get(name)}
        return {"options": await self.clicks.options(body["user"], body["action_id"], body.get("value", ""), **place)}

    async def home(self, body: Answer) -> Answer:
        """{"user", "tab"?}"""
        self.gestures.home(body["user"], body.get("tab", "home"))
        return {}

    async def view(self, body: Answer) -> Answer:
        """{"user", "view_id", "values"} to submit; {"close": true, "all"?} to close"""
        if body.get("close"):
            await self.clicks.dismiss(body["user"], body["view_id"], every=bool(body.get("all")))
            return {}
        outcome, errors = await self.clicks.submit(
            body["user"], body["view_id"], body.get("values", {}), body.get("deliver")
        )
        return outcome_json(outcome) | {"errors": errors}

    async def shortcut(self, body: Answer) -> Answer:
        """{"user", "callback_id", "channel"?, "ts"?}"""
        return outcome_json(
            await self.clicks.shortcut(body["user"], body["callback_id"], body.get("channel", ""), body.get("ts", ""))
        )

    async def fault(self, body: Answer) -> Answer:
        """{"method", "kind": "429|500|drop_reply|slow|error:CODE", "times"?, "seconds"?}; {"clear": true}"""
        if body.get("clear"):
            self.faults.clear()
            return {}
        times, seconds = int(body.get("times", 1)), float(body.get("seconds", 1.0))
        self.faults.add(Fault(str(body["method"]), str(body["kind"]), times, seconds))
        return {}

    async def disconnect(self, body: Answer) -> Answer:
        """{"reason": "refresh_requested|warning|link_disabled|drop"}"""
        return {"connections": await self.sockets.disconnect(str(body.get("reason", "refresh_requested")))}

    async def redeliver(self, body: Answer) -> Answer:
        """{"event_id"}: the same event once more"""
        outcome = await self.clicks.delivery.redeliver(body["event_id"])
        if outcome is None:
            raise SlackError("event_not_found", status=404)
        return outcome_json(outcome)

    async def manifest(self, body: Answer) -> Answer:
        """The app's manifest: its commands, shortcuts, scopes and events hold from now on."""
        self.workspace.options = with_manifest(self.workspace.options, body)
        self.workspace.journal.add("manifest", commands=[c.name for c in self.workspace.options.commands])
        return {"commands": [command_json(command) for command in self.workspace.options.commands]}

    async def deliver(self, body: Answer) -> Answer:
        """{"to": "socket" or the URL for signed requests}: how everything reaches the app from now on"""
        to = str(body["to"])
        if to != "socket" and not to.startswith(("http://", "https://")):
            raise ValueError("to is 'socket' or a URL")
        self.workspace.options = replace(self.workspace.options, deliver=to)
        return {"to": to}

    async def state(self, request: Request) -> Response:
        """Everything that one person sees."""
        user = request.query_params.get("user", "UADA")
        if user not in self.workspace.users:
            return JSONResponse({"error": "user_not_found"}, 404)
        return JSONResponse(state_json(self.workspace, user), headers={"Cache-Control": "no-store"})

    async def journal(self, request: Request) -> Response:
        """{"entries": […]}, after number ?after=, of one ?kind="""
        after = request.query_params.get("after", "0")
        kind = request.query_params.get("kind")
        entries = self.workspace.journal.entries(kind, int(after) if after.isdigit() else 0)
        return JSONResponse({"entries": entries, "count": self.workspace.journal.count})

    async def commands(self, request: Request) -> Response:
        """What the composer offers."""
        return JSONResponse({"commands": [command_json(command) for command in self.workspace.options.commands]})

    async def file(self, request: Request) -> Response:
        """A picture or file for the page."""
        return file_response(self.workspace, self.workspace.files.get(request.path_params["file"]))

    async def stream(self, request: Request) -> Response:
        """Server-sent events: the revision after every change."""
        if self.closing.is_set():
            return PlainTextResponse("stopping", 503)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._revisions(), media_type="text/event-stream", headers=headers)

    async def _revisions(self) -> AsyncIterator[str]:
        closing = asyncio.ensure_future(self.closing.wait())
        try:
            with self.workspace.journal.follow() as queue:
                yield _sse(self.workspace.journal.count)
                while not closing.done():
                    change = asyncio.ensure_future(queue.get())
                    await asyncio.wait({closing, change}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                    if not change.done():
                        change.cancel()
                        yield ": still here\n\n"
                        continue
                    while not queue.empty():
                        queue.get_nowait()
                    yield _sse(self.workspace.journal.count)
        finally:
            closing.cancel()


def _sse(revision: int) -> str:
    return f"data: {json.dumps({'revision': revision})}\n\n"

"""The Web API edge: /api/{method}, the response_url, uploads and private files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.playground.errors import SlackError
from bot.playground.faults import Fault, Faults
from bot.playground.methods import METHODS
from bot.playground.methods.call import Call, Method
from bot.playground.responses import use_response_url
from bot.playground.sockets import Sockets
from bot.playground.workspace import File, Workspace


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def strict_json(body: bytes) -> Any:
    """JSON without NaN and infinities; ValueError otherwise."""
    return json.loads(body, parse_constant=_no_constant)


def cut(request: Request) -> Response:
    """Cut the connection: what was asked is done, the answer never arrives."""
    request.scope["cut"]()
    return Response()


@dataclass(slots=True)
class Api:
    """Answers what an app asks of Slack."""

    workspace: Workspace
    sockets: Sockets
    faults: Faults
    base_url: Callable[[], str]

    def routes(self) -> list[Route]:
        """Everything under Slack's own paths."""
        return [
            Route("/api/{method:path}", self.method, methods=["GET", "POST"]),
            Route("/response/{team}/{key}", self.response, methods=["POST"]),
            Route("/upload/v1/{key}", self.upload, methods=["POST", "PUT"]),
            Route("/files-pri/{file}/{name:path}", self.private_file, methods=["GET"]),
        ]

    async def method(self, request: Request) -> Response:
        """One call of a Web API method."""
        name = request.path_params["method"].strip("/")
        fault = self.faults.take(name)
        try:
            args = await self._args(request)
            await self._before(fault)
            method = self._allowed(name, args, request)
            answer = {"ok": True, **method.run(Call(self.workspace, self.sockets, args, self.base_url()))}
            return self._done(request, name, args, answer, fault)
        except SlackError as error:
            return self._done(request, name, {}, error.as_json(), None, error)

    def _done(
        self,
        request: Request,
        name: str,
        args: dict[str, Any],
        answer: dict[str, Any],
        fault: Fault | None,
        error: SlackError | None = None,
    ) -> Response:
        shown = {key: value for key, value in args.items() if key != "token"}
        why = list(error.messages) if error else []
        self.workspace.journal.add("call", method=name, args=shown, ok=answer["ok"], error=answer.get("error"), why=why)
        if fault and fault.kind == "drop_reply":
            return cut(request)
        headers = {"Retry-After": str(error.retry_after)} if error and error.retry_after is not None else {}
        return JSONResponse(answer, error.status if error else 200, headers)

    async def _before(self, fault: Fault | None) -> None:
        """What a fault does before the call is carried out."""
        if fault is None:
            return
        if fault.kind == "429":
            raise SlackError("ratelimited", status=429, retry_after=max(1, round(fault.seconds)))
        if fault.kind == "500":
            raise SlackError("internal_error", status=500)
        if fault.kind.startswith("error:"):
            raise SlackError(fault.kind.removeprefix("error:"))
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)

    async def _args(self, request: Request) -> dict[str, Any]:
        """Arguments from the query, then from a form, multipart or JSON body."""
        args: dict[str, Any] = dict(request.query_params)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "application/json":
            body = await request.body()
            if body.strip():
                try:
                    given = strict_json(body)
                except ValueError as cause:
                    raise SlackError("invalid_json") from cause
                if not isinstance(given, dict):
                    raise SlackError("json_not_object")
                args |= given
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            async with request.form() as form:
                args |= {key: value for key, value in form.items() if not isinstance(value, UploadFile)}
        elif kind and await request.body():
            raise SlackError("invalid_post_type")
        return args

    def _allowed(self, name: str, args: dict[str, Any], request: Request) -> Method:
        """The method, if it exists and the token may use it."""
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        if name == "api.test":
            return method
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else str(args.get("token", ""))
        options = self.workspace.options
        if not token:
            raise SlackError("not_authed")
        if token not in (options.bot_token, options.app_token):
            raise SlackError("invalid_auth")
        if method.app_token != (token == options.app_token) and name != "auth.test":
            raise SlackError("not_allowed_token_type")
        if method.scopes and not set(method.scopes) & set(options.scopes):
            raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(options.scopes))
        return method

    async def response(self, request: Request) -> Response:
        """One use of a response_url."""
        fault = self.faults.take("response_url")
        try:
            await self._before(fault)
            try:
                body = strict_json(await request.body())
            except ValueError as cause:
                raise SlackError("invalid_payload", status=400) from cause
            use_response_url(self.workspace, request.path_params["key"], body)
        except SlackError as error:
            return self._done(request, "response_url", {}, error.as_json(), None, error)
        answered = self._done(request, "response_url", body, {"ok": True}, fault)
        return answered if fault and fault.kind == "drop_reply" else PlainTextResponse("ok")

    async def upload(self, request: Request) -> Response:
        """The bytes of a file, raw or as the first part of a form."""
        file = next((f for f in self.workspace.files.values() if f.key == request.path_params["key"]), None)
        fault = self.faults.take("upload")
        if file is None:
            return PlainTextResponse("no such upload", 404)
        if fault and fault.kind in ("429", "500"):
            return PlainTextResponse("try again", int(fault.kind))
        content = await self._content(request)
        if len(content) != file.length:
            return PlainTextResponse(f"{file.length} bytes were announced, {len(content)} came", 400)
        file.content = content
        self.workspace.journal.add("upload", file=file.id, name=file.name, bytes=len(content))
        if fault and fault.kind == "drop_reply":
            return cut(request)
        return PlainTextResponse(f"OK - {len(content)}")

    async def _content(self, request: Request) -> bytes:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form() as form:
                for part in form.values():
                    if isinstance(part, UploadFile):
                        return await part.read()
            return b""
        return await request.body()

    async def private_file(self, request: Request) -> Response:
        """url_private: only with the app's token."""
        if request.headers.get("authorization") != f"Bearer {self.workspace.options.bot_token}":
            return PlainTextResponse("sign in first", 401)
        return file_response(self.workspace, self.workspace.files.get(request.path_params["file"]))


def file_response(workspace: Workspace, file: File | None) -> Response:
    """A file's bytes; only pictures are shown, everything else is downloaded."""
    if file is None or file.content is None or not file.ready(workspace.now()):
        return PlainTextResponse("no such file", 404)
    shown = file.mimetype in ("image/png", "image/jpeg", "image/gif")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "inline" if shown else "attachment"}
    return Response(file.content, media_type=file.mimetype if shown else "application/octet-stream", headers=headers)

"""What every request passes: whose token it is, and its body within limits. Endpoints open sessions themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import sqlalchemy as sa
from fastapi import Depends, Request
from sqlmodel import Session

from registry import tokens
from registry.artifacts import Store
from registry.asker import Asker
from registry.db import reading
from registry.retry import kept
from registry.settings import Settings
from registry.tokens import Caller, Role
from trackrecord.errors import TrackrecordError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Door:
    """What the edge was wired with."""

    engine: sa.Engine
    store: Store
    settings: Settings

    def read(self, work: Callable[[Session], T]) -> T:
        """Answer from one consistent state."""
        with reading(self.engine) as session:
            return work(session)

    def write(self, work: Callable[[Session], T]) -> T:
        """Keep all of it or nothing, anew where another writer was in the way."""
        return kept(self.engine, work)

    def asker(self, caller: Caller, project: str = "") -> Asker:
        """The caller as questions know them."""
        return Asker(
            owner=caller.owner,
            projects=None if caller.project is None else frozenset((caller.project,)),
            project=project or caller.project,
            base_url=self.settings.base_url,
            silent_after_s=self.settings.silent_after_s,
        )


def clock() -> datetime:
    """The time now; below this edge it is an argument."""
    return datetime.now(UTC)


def door_of(request: Request) -> Door:
    door = request.app.state.door
    assert isinstance(door, Door)
    return door


def caller_of(request: Request) -> Caller:
    """Whose token came with the request. Raises TrackrecordError (401); every route under /api/v1 depends on it."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    found = None
    if kind.lower() == "bearer":
        found = door_of(request).read(lambda session: tokens.find(session, token.strip(), clock()))
    if found is None:
        raise TrackrecordError(
            "A token is needed that is valid now.", "Send it as: Authorization: Bearer trk_…", status=401
        )
    return found


async def body_of(request: Request) -> bytes:
    """The bytes of a JSON body. Raises TrackrecordError: 415 not declared as plain JSON, 413 too large."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json" or parameters.strip().lower() not in ("", "charset=utf-8"):
        raise TrackrecordError("The body must be JSON.", "Send Content-Type: application/json.", status=415)
    if "content-encoding" in request.headers:
        raise TrackrecordError("An encoded body is not taken.", "Send it without Content-Encoding.", status=415)
    limit = door_of(request).settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:30]) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def _door(request: Request) -> Door:  # async: no thread is needed to look it up
    return door_of(request)


Doors = Annotated[Door, Depends(_door)]
Who = Annotated[Caller, Depends(caller_of)]
Body = Annotated[bytes, Depends(body_of)]


def need(caller: Caller, role: Role, project: str | None = None) -> None:
    """Raises TrackrecordError (403) where the token does not open that."""
    if not caller.may(role, project):
        where = "this project" if project is not None else "that"
        raise TrackrecordError(f"This token does not open {where} as {role}.", "Ask an admin for one.", status=403)


def _too_large(limit: int) -> TrackrecordError:
    return TrackrecordError(f"The body is larger than {limit:,} bytes.", "Send it in smaller pieces.", status=413)

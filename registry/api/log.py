"""The log over HTTP: its signed head, proofs, and its entries. All hashes are base64."""

from __future__ import annotations

import base64
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from sqlmodel import Session, col

from registry import keys, log
from registry.api.door import Doors, Who, clock
from registry.api.shapes import REFUSALS, ConsistencyShown, EntriesShown, EntryShown, InclusionShown
from registry.tables import Leaf, Run
from registry.tokens import Caller
from trackrecord import merkle
from trackrecord.errors import TrackrecordError

router = APIRouter(prefix="/log", tags=["log"])
open_router = APIRouter(tags=["log"])

MOST_ENTRIES = 1_000
_PUBLIC = ("key", "key_withdrawn")  # about the registry itself: for whoever has any token

Count = Annotated[int, Query(ge=0, le=log.LARGEST_SIZE, description="How many entries, from the first on.")]
Number = Annotated[int, Query(ge=0, lt=log.LARGEST_SIZE, description="The entry's number, from 0.")]


@open_router.get(
    "/.well-known/trackrecord/checkpoint", response_class=PlainTextResponse, responses={404: REFUSALS[404]}
)
def newest_checkpoint(door: Doors) -> PlainTextResponse:
    """The checkpoint that was signed last, as a C2SP signed note."""

    def work(session: Session) -> str:
        found = log.newest(session)
        if found is None:
            raise TrackrecordError("No checkpoint was signed yet.", "Ask again later.", status=404)
        return found.note

    return PlainTextResponse(door.read(work))


@router.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(door: Doors) -> PlainTextResponse:
    """The log as it is now, as a C2SP signed note. 409 where it is not what was signed before."""
    own = keys.load(door.settings.data_dir / "keys")

    def work(session: Session) -> str:
        now = clock()
        return log.checkpoint(session, keys.publish(session, own, now), now).note

    return PlainTextResponse(door.write(work))


@router.get("/consistency")
def consistency(old: Count, new: Count, door: Doors) -> ConsistencyShown:
    """The proof that the log of `old` entries is the beginning of that of `new`."""
    if old > new:
        raise TrackrecordError("old is larger than new.", "Ask with the smaller size as old.", status=422)

    def work(session: Session) -> ConsistencyShown:
        _long_enough(session, new)
        return ConsistencyShown(old, new, [_text(each) for each in log.consistency(session, old, new)])

    return door.read(work)


@router.get("/inclusion")
def inclusion(leaf: Number, size: Count, door: Doors) -> InclusionShown:
    """The proof that an entry is one of the first `size`."""
    if leaf >= size:
        raise TrackrecordError("leaf is not among the first size entries.", "Entries count from 0.", status=422)

    def work(session: Session) -> InclusionShown:
        _long_enough(session, size)
        entry = log.entry(session, leaf)
        if entry is None:
            raise TrackrecordError(f"The log has no entry {leaf}.", "Tell the operator.", status=409)
        path = [_text(each) for each in log.inclusion(session, leaf, size)]
        return InclusionShown(leaf, size, _text(merkle.leaf_hash(entry)), path)

    return door.read(work)


@router.get("/entries")
def entries(
    caller: Who, door: Doors, start: Number = 0, count: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100
) -> EntriesShown:
    """Entries in order. Of projects that the token does not open the hash only: enough to compute the root anew."""
    return door.read(lambda session: EntriesShown(start, log.size(session), _entries(session, caller, start, count)))


def _entries(session: Session, caller: Caller, start: int, count: int) -> list[EntryShown]:
    project = sa.func.coalesce(Leaf.project_id, Run.project_id)
    asked = sa.select(col(Leaf.number), col(Leaf.kind), col(Leaf.body), project)
    asked = asked.outerjoin(Run, col(Run.id) == col(Leaf.run_id))
    rows = session.execute(asked.where(col(Leaf.number).between(start, start + count - 1)).order_by(col(Leaf.number)))
    return [
        EntryShown(
            number,
            _text(merkle.leaf_hash(body.encode())),
            body if caller.project in (None, about) or kind in _PUBLIC else None,
        )
        for number, kind, body, about in rows
    ]


def _long_enough(session: Session, size: int) -> None:
    there = log.size(session)
    if size > there:
        raise TrackrecordError(f"The log has {there} entries.", "Ask with a smaller size.", status=404)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()

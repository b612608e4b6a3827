"""The log: everything that happened, one entry after the other, in an RFC 6962 tree whose head the registry signs.

An entry is RFC 8785 JSON, `{"at", "kind", "run"?, "project"?, …}`, and its bytes are what is hashed. Hashes of complete
subtrees are kept beside the entries, so that a root or a proof reads few rows however long the log is. `append` holds
the log's head until the transaction ends, so it comes last in one. All in the transaction that keeps what happened:
an entry without its deed, or a deed without its entry, cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from registry.tables import Checkpoint, Leaf, LogHead, LogNode, SigningKey
from trackrecord import keyring, merkle, note
from trackrecord.errors import TrackrecordError

if TYPE_CHECKING:
    from registry.keys import Keys

LARGEST_SIZE = note.LARGEST_SIZE
_ROWS = 5_000  # entries that are in memory at once


def _table(row: type[SQLModel]) -> sa.Table:
    table = row.__table__  # type: ignore[attr-defined]
    assert isinstance(table, sa.Table)
    return table


_HEAD, _LEAF, _NODE = _table(LogHead), _table(Leaf), _table(LogNode)
_INSERT_LEAF, _INSERT_NODE = sa.insert(_LEAF), sa.insert(_NODE)
_COUNT_ON = sa.update(_HEAD).where(_HEAD.c.id == 1).values(size=_HEAD.c.size + 1).returning(_HEAD.c.size)


def append(
    session: Session, kind: str, now: datetime, *, run: str | None = None, project: str | None = None, **body: Any
) -> int:
    """Keep an entry; its number. `body`: whatever JSON can say. Nobody else appends until the transaction ends."""
    if {"at", "kind"} & set(body):
        raise ValueError("at and kind are the log's own words")
    about = {key: value for key, value in (("run", run), ("project", project)) if value is not None}
    entry = rfc8785.dumps({"at": written(now), "kind": kind, **about, **body})
    session.flush()
    number = _next(session)
    leaf = {"number": number, "kind": kind, "run_id": run, "project_id": project, "body": entry.decode(), "at": now}
    session.connection().execute(_INSERT_LEAF, leaf)
    _keep_nodes(session, number, merkle.leaf_hash(entry))
    return number


def written(at: datetime) -> str:
    """A time as entries have it: RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(session: Session) -> int:
    """How many entries the log has."""
    return session.exec(select(LogHead.size)).one_or_none() or 0


def entry(session: Session, number: int) -> bytes | None:
    """The bytes that are hashed; None: there is no such entry (yet)."""
    found = session.exec(select(Leaf.body).where(Leaf.number == number)).one_or_none()
    return None if found is None else found.encode()


def root(session: Session, size: int) -> bytes:
    """The root of the tree over the first `size` entries. Raises TrackrecordError where the log is not whole."""
    return _hashes(session, [(0, size)])[0]


def inclusion(session: Session, number: int, size: int) -> list[bytes]:
    """The proof that entry `number` is one of the first `size`."""
    return _hashes(session, merkle.inclusion_ranges(number, size))


def consistency(session: Session, old: int, new: int) -> list[bytes]:
    """The proof that the first `old` entries are the beginning of the first `new`."""
    return _hashes(session, merkle.consistency_ranges(old, new))


def newest(session: Session) -> Checkpoint | None:
    """The checkpoint that was signed last; None: none was yet."""
    return session.exec(select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(1)).first()


def checkpoint(session: Session, keys: Keys, now: datetime) -> Checkpoint:
    """The log as it is now, signed; a new row where it has grown since the newest one.

    Raises TrackrecordError (409) and signs nothing when the log is not a continuation of what was signed before.
    """
    count, origin = _held(session, keys)
    before = newest(session)
    seen = None if before is None else _signed_before(session, keys, before)
    top = root(session, count)
    if before is not None and seen is not None:
        if seen.origin != origin or seen.size > count:
            raise _rewritten(seen, f"it is {origin} with {count} entries now")
        if not merkle.verify_consistency(seen.size, seen.root, count, top, consistency(session, seen.size, count)):
            raise _rewritten(seen, f"its first {seen.size} entries are others now")
        if seen.size == count:
            return before
    _same_as_hashed(session, seen.size if seen else 0, count)
    text = note.body(origin, count, top)
    made = note.signed(text, origin, keys.checkpoint.public, keys.checkpoint.sign(text.encode()))
    row = Checkpoint(size=count, root=top.hex(), note=made, at=now)
    session.add(row)
    session.flush()
    return row


def _next(session: Session) -> int:
    """The number of the next entry. The head is locked by the very statement that counts on."""
    found = session.execute(_COUNT_ON).scalar_one_or_none()
    if found is None:
        _make_head(session)
        found = session.execute(_COUNT_ON).scalar_one()
    return int(found) - 1


def _make_head(session: Session) -> None:
    """The first entry ever, or the first checkpoint. Of two that make it at once, one waits and finds it made."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = dialect.insert(_HEAD).values(id=1, size=0, origin="")
    session.execute(made.on_conflict_do_nothing())


def _held(session: Session, keys: Keys) -> tuple[int, str]:
    """Lock the head; how many entries there are, and the log's name, which the first checkpoint gives it for ever."""
    _make_head(session)
    count, origin = session.execute(sa.select(_HEAD.c.size, _HEAD.c.origin).with_for_update()).one()
    if not origin:
        origin = f"trackrecord/{keys.checkpoint.id[:16]}"
        session.execute(sa.update(_HEAD).values(origin=origin))
    return count, origin


def _keep_nodes(session: Session, number: int, leaf: bytes) -> None:
    """The leaf's hash, and that of every subtree which it completes."""
    full = (~number & (number + 1)).bit_length() - 1  # how many subtrees end with this leaf, above the leaf itself
    left = _read(session, [(level, (number >> level) - 1) for level in range(full)])
    found, rows = leaf, [{"level": 0, "number": number, "hash": leaf.hex()}]
    for level in range(full):
        found = merkle.node_hash(left[level, (number >> level) - 1], found)
        rows.append({"level": level + 1, "number": number >> level + 1, "hash": found.hex()})
    session.connection().execute(_INSERT_NODE, rows)


def _hashes(session: Session, ranges: Sequence[merkle.Range]) -> list[bytes]:
    parts = [merkle.subtrees(start, end) for start, end in ranges]
    read = _read(session, [each for part in parts for each in part])
    return [merkle.joined([read[each] for each in part]) for part in parts]


def _read(session: Session, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Hashes of complete subtrees. Raises TrackrecordError where one is missing."""
    if not wanted:
        return {}
    asked = {f"{what}{at}": value for at, pair in enumerate(wanted) for what, value in zip("ln", pair, strict=True)}
    found = {
        (level, number): bytes.fromhex(text)
        for level, number, text in session.connection().execute(_nodes(len(wanted)), asked)
    }
    if len(found) < len(set(wanted)):
        raise TrackrecordError(
            "The log is not whole: hashes of it are missing.", "Run `python -m registry doctor`.", status=409
        )
    return found


@cache
def _nodes(count: int) -> sa.Select[Any]:
    """The statement that reads so many; made once. Not a row value IN (…): for that, SQLite reads the whole table."""
    node = _NODE.c
    named = (
        sa.and_(node.level == sa.bindparam(f"l{at}"), node.number == sa.bindparam(f"n{at}")) for at in range(count)
    )
    return sa.select(node.level, node.number, node.hash).where(sa.or_(*named))


def _signed_before(session: Session, keys: Keys, before: Checkpoint) -> note.Signed:
    """What the kept note says: the row beside it could have been changed by whoever has no key."""
    try:
        seen = note.read(before.note)
    except TrackrecordError:
        seen = note.Signed("", before.size, b"", "", ())  # signed by nobody
    named = session.exec(select(SigningKey.public).where(SigningKey.use == "checkpoint"))
    known = [keyring.one(pem, "A key of the log") for pem in (keys.checkpoint.public_pem, *named)]
    signed = any(keyring.signs(key, seen) for key in known)
    if (seen.size, seen.root.hex()) != (before.size, before.root) or not signed:
        raise _rewritten(seen, "that checkpoint itself is not as it was signed")
    return seen


def _same_as_hashed(session: Session, start: int, end: int) -> None:
    """Entries that nobody has signed yet: their bytes must be those whose hashes are about to be signed."""
    for first in range(start, end, _ROWS):
        last = min(first + _ROWS, end)
        bodies = session.exec(select(Leaf.number, Leaf.body).where(Leaf.number >= first, Leaf.number < last))
        node = select(LogNode.number, LogNode.hash).where(LogNode.level == 0)
        hashes = session.exec(node.where(LogNode.number >= first, LogNode.number < last))
        if {number: merkle.leaf_hash(body.encode()).hex() for number, body in bodies} != dict(hashes.all()):
            raise TrackrecordError(
                f"An entry of the log between {first} and {last} is not as it was written; nothing is signed.",
                "Somebody changed it. Run `python -m registry doctor`, and ask who has access to the database.",
                status=409,
            )


def _rewritten(seen: note.Signed, now: str) -> TrackrecordError:
    what = f"{seen.origin}, {seen.size} entries, root {seen.root.hex()}"
    if not seen.origin:
        what = f"{seen.size} entries; what was signed cannot be read"
    return TrackrecordError(
        f"The log is not the one that was signed before ({what}): {now}. Nothing is signed.",
        "Somebody changed its past, or the database was restored from an older backup. Keep a copy of the database as "
        "it is, run `python -m registry doctor`, and tell the team.",
        status=409,
    )

"""The log in a database: entries, proofs, checkpoints, many writers at once, and a past that somebody changed."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import Session, col, select

from registry import keys, log
from registry.db import reading, transaction
from registry.retry import kept
from registry.tables import Checkpoint, Leaf, LogHead, LogNode
from trackrecord import merkle, note
from trackrecord.errors import TrackrecordError

NOW = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)


def fill(engine: sa.Engine, count: int) -> None:
    with transaction(engine) as session:
        for _ in range(count):
            number = log.size(session)
            log.append(session, "verdict", NOW, run=f"run-{number}", project="milestone-1", headline=f"0.{number}")


def signed(engine: sa.Engine, folder: Path, now: datetime = NOW) -> Checkpoint:
    with transaction(engine) as session:
        own = keys.publish(session, keys.load(folder), now)
        return log.checkpoint(session, own, now)


def root_by_hand(session: Session, size: int) -> bytes:
    """By the definition of RFC 6962, from the entries alone."""

    def of(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return merkle.node_hash(of(leaves[:half]), of(leaves[half:]))

    bodies = session.exec(select(Leaf.body).where(Leaf.number < size).order_by(col(Leaf.number))).all()
    assert len(bodies) == size
    return of([merkle.leaf_hash(body.encode()) for body in bodies]) if size else merkle.EMPTY_ROOT


def rewrite(session: Session, number: int, body: str) -> None:
    """What somebody with the database's password and patience does: the entry and every hash that rests on it."""
    session.execute(sa.update(Leaf).where(col(Leaf.number) == number).values(body=body))
    size, found = log.size(session), merkle.leaf_hash(body.encode())
    level = 0
    while (number >> level) + 1 << level <= size:
        at = number >> level
        session.execute(
            sa.update(LogNode).where(col(LogNode.level) == level, col(LogNode.number) == at).values(hash=found.hex())
        )
        other = session.exec(select(LogNode.hash).where(LogNode.level == level, LogNode.number == at ^ 1)).one_or_none()
        if other is None:
            return
        pair = (found, bytes.fromhex(other)) if at & 1 == 0 else (bytes.fromhex(other), found)
        found, level = merkle.node_hash(*pair), level + 1


def test_an_entry_is_its_canonical_json(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        first = log.append(session, "rules", NOW, project="milestone-1", by="Zoë", rules={"b": 1.5, "a": [None, True]})
        second = log.append(session, "key", NOW, key="k", signed_by=None)
    with reading(engine) as session:
        assert (first, second, log.size(session)) == (0, 1, 2)
        entry = log.entry(session, 0)
        assert (
            entry
            == (
                '{"at":"2026-11-24T12:00:00.123Z","by":"Zoë","kind":"rules","project":"milestone-1",'
                '"rules":{"a":[null,true],"b":1.5}}'
            ).encode()
        )
        assert rfc8785.dumps(json.loads(entry)) == entry
        assert json.loads(log.entry(session, 1) or b"") == {
            "at": "2026-11-24T12:00:00.123Z", "key": "k", "kind": "key", "signed_by": None,
        }  # fmt: skip
        assert log.entry(session, 2) is None
        row = session.get_one(Leaf, 0)
        assert (row.kind, row.run_id, row.project_id) == ("rules", None, "milestone-1")


def test_an_entry_does_not_choose_its_time_or_kind(sqlite_engine: sa.Engine) -> None:
    body: dict[str, Any] = {"at": "1999"}
    with (
        transaction(sqlite_engine) as session,
        pytest.raises(ValueError, match=r"^at and kind are the log's own words$"),
    ):
        log.append(session, "key", NOW, **body)


def test_an_entry_and_its_deed_go_together(engine: sa.Engine) -> None:
    fill(engine, 3)

    def half_done() -> None:
        with transaction(engine) as session:
            log.append(session, "key", NOW, key="k")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    fill(engine, 2)
    with reading(engine) as session:
        assert log.size(session) == 5
        assert list(session.exec(select(Leaf.number).order_by(col(Leaf.number)))) == [0, 1, 2, 3, 4]


def test_roots_and_proofs_of_every_size(engine: sa.Engine) -> None:
    most = 33
    fill(engine, most)
    with reading(engine) as session:
        roots = [log.root(session, size) for size in range(most + 1)]
        assert roots == [root_by_hand(session, size) for size in range(most + 1)]
        for size in range(1, most + 1):
            for number in {0, size // 2, size - 1}:
                leaf = merkle.leaf_hash(log.entry(session, number) or b"")
                assert merkle.verify_inclusion(leaf, number, size, log.inclusion(session, number, size), roots[size])
            for old in {0, 1, size // 2, size - 1, size}:
                path = log.consistency(session, old, size)
                assert merkle.verify_consistency(old, roots[old], size, roots[size], path), (old, size)
        with pytest.raises(TrackrecordError, match="not whole"):
            log.root(session, most + 1)


def test_writers_at_once_leave_no_gap(engine: sa.Engine, tmp_path: Path) -> None:
    """From the very first entry on: the head is made by whoever comes first, and found by the others."""
    trouble: list[BaseException] = []
    ready = threading.Barrier(6)
    notes: list[str] = []

    def write(who: int) -> None:
        try:
            ready.wait()
            for turn in range(12):
                kept(engine, lambda session: log.append(session, "key", NOW, key=f"{who}-{turn}"))  # noqa: B023
                if turn % 4 == 3:
                    notes.append(kept(engine, lambda session: log.checkpoint(session, own, NOW).note))
        except BaseException as problem:  # noqa: BLE001 - shown by the test's own thread
            trouble.append(problem)

    own = keys.load(tmp_path / "keys")
    writers = [threading.Thread(target=write, args=(who,)) for who in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    assert not trouble, trouble
    with reading(engine) as session:
        assert list(session.exec(select(Leaf.number).order_by(col(Leaf.number)))) == list(range(72))
        assert log.root(session, 72) == root_by_hand(session, 72)
        said = {json.loads(body)["key"] for body in session.exec(select(Leaf.body))}
        assert said == {f"{who}-{turn}" for who in range(6) for turn in range(12)}
        for seen in map(note.read, notes):
            path = log.consistency(session, seen.size, 72)
            assert merkle.verify_consistency(seen.size, seen.root, 72, log.root(session, 72), path)


def test_a_checkpoint_is_signed_and_made_once_for_a_size(engine: sa.Engine, tmp_path: Path) -> None:
    fill(engine, 5)
    own = keys.load(tmp_path)
    first = signed(engine, tmp_path)
    seen = note.read(first.note)
    with reading(engine) as session:
        assert seen.root == root_by_hand(session, seen.size) == bytes.fromhex(first.root)
        assert session.exec(select(LogHead.origin)).one() == seen.origin == f"trackrecord/{own.checkpoint.id[:16]}"
    assert seen.size == 7  # with the two keys
    Ed25519PublicKey.from_public_bytes(own.checkpoint.public).verify(seen.signatures[0].signature, seen.body.encode())
    assert seen.signatures[0].hint == note.key_hint(seen.origin, own.checkpoint.public)
    assert signed(engine, tmp_path, NOW + timedelta(hours=1)).note == first.note
    fill(engine, 1)
    assert note.read(signed(engine, tmp_path).note).size == 8
    with reading(engine) as session:
        assert list(session.exec(select(Checkpoint.size).order_by(col(Checkpoint.size)))) == [7, 8]


def test_the_log_keeps_its_name_when_its_key_changes(engine: sa.Engine, tmp_path: Path) -> None:
    before = note.read(signed(engine, tmp_path).note)
    with transaction(engine) as session:
        fresh = keys.rotate(session, tmp_path, "checkpoint", NOW + timedelta(hours=1))
    after = note.read(signed(engine, tmp_path, NOW + timedelta(hours=1)).note)
    assert (after.origin, after.signatures[0].name) == (before.origin, before.origin)
    assert after.signatures[0].hint == note.key_hint(after.origin, fresh.checkpoint.public) != before.signatures[0].hint


def test_an_empty_log_has_a_checkpoint(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    with transaction(sqlite_engine) as session:
        own = keys.load(tmp_path)
        seen = note.read(log.checkpoint(session, own, NOW).note)
        assert session.exec(select(LogHead.origin)).one() == seen.origin == f"trackrecord/{own.checkpoint.id[:16]}"
    assert (seen.size, seen.root) == (0, merkle.EMPTY_ROOT)
    fill(sqlite_engine, 1)
    assert note.read(signed(sqlite_engine, tmp_path).note).size == 3


def refuses(engine: sa.Engine, folder: Path, why: str) -> None:
    with reading(engine) as session:
        before = list(session.exec(select(Checkpoint.note)))
    with pytest.raises(TrackrecordError, match=why) as said:
        signed(engine, folder)
    assert said.value.status == 409
    assert "doctor" in said.value.hint
    with reading(engine) as session:
        assert list(session.exec(select(Checkpoint.note))) == before


@pytest.mark.parametrize("number", [0, 6, 10])
def test_a_rewritten_entry_is_not_signed(sqlite_engine: sa.Engine, tmp_path: Path, number: int) -> None:
    fill(sqlite_engine, 9)
    assert signed(sqlite_engine, tmp_path).size == 11
    with transaction(sqlite_engine) as session:
        rewrite(session, number, '{"kind":"verdict","verdict":"verified"}')
        assert log.root(session, 11) == root_by_hand(session, 11), "the forgery is as good as it can be"
    refuses(sqlite_engine, tmp_path, "not the one that was signed before")
    fill(sqlite_engine, 3)
    refuses(sqlite_engine, tmp_path, "its first 11 entries are others now")


def test_an_entry_changed_before_it_was_signed_is_not_signed(engine: sa.Engine, tmp_path: Path) -> None:
    signed(engine, tmp_path)
    fill(engine, 4)
    with transaction(engine) as session:
        session.execute(sa.update(Leaf).where(col(Leaf.number) == 3).values(body="{}"))
    refuses(engine, tmp_path, "not as it was written")


def test_a_shortened_log_is_not_signed(engine: sa.Engine, tmp_path: Path) -> None:
    fill(engine, 9)
    assert signed(engine, tmp_path).size == 11
    with transaction(engine) as session:
        session.execute(sa.delete(Leaf).where(col(Leaf.number) >= 8))
        session.execute(sa.update(LogHead).values(size=8))
        for level, number in session.exec(select(LogNode.level, LogNode.number)).all():
            if (number + 1) << level > 8:
                session.delete(session.get_one(LogNode, (level, number)))
    refuses(engine, tmp_path, "with 8 entries now")
    fill(engine, 5)
    refuses(engine, tmp_path, "its first 11 entries are others now")


def test_a_log_without_its_last_hashes_is_not_signed(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine, 4)
    signed(sqlite_engine, tmp_path)
    with transaction(sqlite_engine) as session:
        session.execute(sa.delete(LogNode).where(col(LogNode.level) == 1))
    refuses(sqlite_engine, tmp_path, "not whole")


@pytest.mark.parametrize("change", ["root", "note and root", "unreadable", "size"])
def test_a_checkpoint_that_is_changed_with_the_log_is_found(
    sqlite_engine: sa.Engine, tmp_path: Path, change: str
) -> None:
    """Whoever has the database and not the key cannot make the kept checkpoint fit the changed log."""
    fill(sqlite_engine, 4)
    row = signed(sqlite_engine, tmp_path)
    with transaction(sqlite_engine) as session:
        rewrite(session, 1, "{}")
        top = log.root(session, row.size)
        seen = note.read(row.note)
        forged = row.note.replace(seen.body, note.body(seen.origin, row.size, top))
        values: dict[str, Any] = {
            "root": {"root": top.hex()},
            "note and root": {"root": top.hex(), "note": forged},
            "unreadable": {"root": top.hex(), "note": "nothing"},
            "size": {"size": row.size - 1},
        }[change]
        session.execute(sa.update(Checkpoint).values(**values))
    refuses(sqlite_engine, tmp_path, "checkpoint itself is not as it was signed")


def test_a_changed_name_of_the_log_is_found(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    signed(sqlite_engine, tmp_path)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(LogHead).values(origin="trackrecord/other"))
    refuses(sqlite_engine, tmp_path, "it is trackrecord/other")

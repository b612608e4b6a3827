"""What the log refuses, in whole sentences, and what it keeps, at the edges of its pieces; on SQLite."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from registry import keys, log
from registry.db import reading, transaction
from registry.tables import Checkpoint, Leaf, LogHead, LogNode
from tests.log.test_log import NOW, fill, rewrite, signed
from trackrecord import merkle, note
from trackrecord.errors import TrackrecordError

PAST = (
    "Somebody changed its past, or the database was restored from an older backup. Keep a copy of the database as it "
    "is, run `python -m registry doctor`, and tell the team."
)
CHANGED = "Somebody changed it. Run `python -m registry doctor`, and ask who has access to the database."


def refusal(engine: sa.Engine, folder: Path) -> tuple[str, str, int]:
    with pytest.raises(TrackrecordError) as said:
        signed(engine, folder)
    return said.value.message, said.value.hint, said.value.status


def rewritten(before: Checkpoint, now: str) -> tuple[str, str, int]:
    seen = note.read(before.note)
    was = f"({seen.origin}, {seen.size} entries, root {seen.root.hex()})"
    return f"The log is not the one that was signed before {was}: {now}. Nothing is signed.", PAST, 409


def test_an_entry_says_what_it_is_about(sqlite_engine: sa.Engine) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    with transaction(sqlite_engine) as session:
        assert log.append(session, "verdict", there, run="r", project="p", headline=None) == 0
        assert log.append(session, "key", NOW) == 1
    with reading(sqlite_engine) as session:
        time = '"at":"2026-11-24T12:00:00.123Z"'
        entry = f'{{{time},"headline":null,"kind":"verdict","project":"p","run":"r"}}'
        assert log.entry(session, 0) == entry.encode()
        assert log.entry(session, 1) == f'{{{time},"kind":"key"}}'.encode()
        rows = session.exec(select(Leaf).order_by(col(Leaf.number))).all()
        assert [(row.number, row.kind, row.run_id, row.project_id, row.at) for row in rows] == [
            (0, "verdict", "r", "p", NOW),
            (1, "key", None, None, NOW),
        ]


def test_before_anything_happened(sqlite_engine: sa.Engine) -> None:
    with reading(sqlite_engine) as session:
        assert (log.size(session), log.entry(session, 0), log.newest(session)) == (0, None, None)
        assert log.root(session, 0) == merkle.EMPTY_ROOT
        assert log.consistency(session, 0, 0) == []


def test_what_a_checkpoint_keeps(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    first = signed(sqlite_engine, tmp_path)
    fill(sqlite_engine, 3)
    later = NOW + timedelta(hours=1)
    second = signed(sqlite_engine, tmp_path, later)
    with reading(sqlite_engine) as session:
        newest = log.newest(session)
        assert newest is not None
        assert (newest.size, newest.root, newest.note, newest.at) == (second.size, second.root, second.note, later)
        assert newest.root == log.root(session, 5).hex() == note.read(newest.note).root.hex()
        assert session.get_one(Checkpoint, first.size).at == NOW
        assert session.exec(select(LogHead)).one().size == 5
    assert (first.size, second.size) == (2, 5)


def test_every_hash_stands_once_at_its_place(sqlite_engine: sa.Engine) -> None:
    fill(sqlite_engine, 11)
    with reading(sqlite_engine) as session:
        kept = {(row.level, row.number): row.hash for row in session.exec(select(LogNode))}
        leaves = [merkle.leaf_hash(log.entry(session, number) or b"") for number in range(11)]
    wanted = {(0, number): leaf for number, leaf in enumerate(leaves)}
    for level in range(3):
        for number in range((11 >> level) // 2):
            pair = wanted[level, 2 * number], wanted[level, 2 * number + 1]
            wanted[level + 1, number] = merkle.node_hash(*pair)
    assert kept == {place: found.hex() for place, found in wanted.items()}


def test_a_log_that_is_not_whole(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine, 4)
    signed(sqlite_engine, tmp_path)
    with transaction(sqlite_engine) as session:
        session.execute(sa.delete(LogNode).where(col(LogNode.level) == 1))
    whole = ("The log is not whole: hashes of it are missing.", "Run `python -m registry doctor`.", 409)
    assert refusal(sqlite_engine, tmp_path) == whole


@pytest.mark.parametrize(("number", "between"), [(2, "2 and 4"), (3, "2 and 4"), (4, "4 and 5")])
def test_an_entry_that_nobody_had_signed(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, between: str
) -> None:
    """Read two at a time, to see where one piece ends and the next begins."""
    monkeypatch.setattr(log, "_ROWS", 2)
    signed(sqlite_engine, tmp_path)
    fill(sqlite_engine, 3)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(Leaf).where(col(Leaf.number) == number).values(body="{}"))
    why = f"An entry of the log between {between} is not as it was written; nothing is signed."
    assert refusal(sqlite_engine, tmp_path) == (why, CHANGED, 409)


def test_a_first_checkpoint_reads_from_the_first_entry(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine, 2)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(Leaf).where(col(Leaf.number) == 0).values(body="{}"))
    why = "An entry of the log between 0 and 4 is not as it was written; nothing is signed."
    assert refusal(sqlite_engine, tmp_path) == (why, CHANGED, 409)


def test_a_past_that_is_another_one(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine, 3)
    before = signed(sqlite_engine, tmp_path)
    origin = note.read(before.note).origin
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(LogHead).values(origin="trackrecord/other"))
    other = "it is trackrecord/other with 5 entries now"
    assert refusal(sqlite_engine, tmp_path) == rewritten(before, other)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(LogHead).values(origin=origin, size=4))
    assert refusal(sqlite_engine, tmp_path) == rewritten(before, f"it is {origin} with 4 entries now")
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(LogHead).values(size=5))
        rewrite(session, 0, "{}")
    assert refusal(sqlite_engine, tmp_path) == rewritten(before, "its first 5 entries are others now")


def test_a_checkpoint_that_is_not_as_it_was_signed(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine, 3)
    before = signed(sqlite_engine, tmp_path)
    stranger = keys.load(tmp_path / "stranger").checkpoint
    seen = note.read(before.note)
    forged = note.signed(seen.body, seen.origin, stranger.public, stranger.sign(seen.body.encode()))
    unsigned = before.note.replace(before.note.split(" ")[-1][8:20], "A" * 12)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(Checkpoint).values(note="nothing"))
    itself = "that checkpoint itself is not as it was signed"
    unread = "5 entries; what was signed cannot be read"
    why = f"The log is not the one that was signed before ({unread}): {itself}. Nothing is signed."
    assert refusal(sqlite_engine, tmp_path) == (why, PAST, 409)
    for changed in (forged, unsigned):
        assert note.read(changed).body == seen.body
        with transaction(sqlite_engine) as session:
            session.execute(sa.update(Checkpoint).values(note=changed))
        assert refusal(sqlite_engine, tmp_path) == rewritten(before, itself)
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(Checkpoint).values(note=before.note))
    assert signed(sqlite_engine, tmp_path).note == before.note


def test_a_checkpoint_by_the_key_before_or_beside_another_signature_counts(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    fill(sqlite_engine, 3)
    before = signed(sqlite_engine, tmp_path)
    witness = note.signed("", "a.witness", bytes(32), bytes(64)).rpartition("\n\n")[2].lstrip("\n")
    text, _, ours = before.note.rpartition("\n\n")
    with transaction(sqlite_engine) as session:
        session.execute(sa.update(Checkpoint).values(note=f"{text}\n\n{witness}{ours}"))
        keys.rotate(session, tmp_path, "checkpoint", NOW + timedelta(hours=1))
    assert signed(sqlite_engine, tmp_path, NOW + timedelta(hours=1)).size == 6


def test_time_is_written_to_the_millisecond(sqlite_engine: sa.Engine) -> None:
    with transaction(sqlite_engine) as session:
        log.append(session, "key", datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=NOW.tzinfo))
        assert json.loads(log.entry(session, 0) or b"") == {"at": "2026-01-02T03:04:05.999Z", "kind": "key"}

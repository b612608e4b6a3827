"""Messages owed are owed once, claimed by one, and never lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import select

from registry import outbox
from registry.db import reading, transaction
from registry.outbox import LEASE, MOST_ATTEMPTS
from registry.retry import kept
from registry.tables import Outgoing


def owe(engine: sa.Engine, now: datetime, key: str = "new_best/p/1") -> bool:
    return kept(
        engine,
        lambda session: outbox.owe(
            session, key=key, kind="new_best", project_id="p", payload={"run": "1", "value": 0.5}, now=now
        ),
    )


def claimed(engine: sa.Engine, now: datetime) -> Outgoing | None:
    return kept(engine, lambda session: outbox.claim(session, now))


def row(engine: sa.Engine) -> Outgoing:
    with reading(engine) as session:
        found = session.exec(select(Outgoing)).one()
        session.expunge(found)
    return found


def number(message: Outgoing | None) -> int:
    assert message is not None
    assert message.id is not None
    return message.id


def test_owing_twice_is_one_message(engine: sa.Engine, now: datetime) -> None:
    assert [owe(engine, now), owe(engine, now)] == [True, False]
    assert row(engine).payload == {"run": "1", "value": 0.5}


def test_many_that_owe_at_once_owe_one(engine: sa.Engine, now: datetime) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: owe(engine, now), range(12))) == 1
    row(engine)


def test_what_is_rolled_back_is_not_owed(engine: sa.Engine, now: datetime) -> None:
    with transaction(engine) as session:
        outbox.owe(session, key="k", kind="new_best", project_id="p", payload={}, now=now)
        session.rollback()
    assert claimed(engine, now) is None


def test_a_message_goes_its_way(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now)
    message = number(claimed(engine, now))
    assert claimed(engine, now) is None
    with transaction(engine) as session:
        assert outbox.sending(session, message, "C1", now)
    assert (row(engine).sending, row(engine).channel) == (True, "C1")
    with transaction(engine) as session:
        assert outbox.sent(session, message, "1700000000.1", now)
    done = row(engine)
    assert (done.sent_at, done.ts, done.sending, done.attempts) == (now, "1700000000.1", False, 1)
    with transaction(engine) as session:
        assert not outbox.sent(session, message, "another", now)
        assert not outbox.sending(session, message, "C1", now)
        outbox.failed(session, message, "late", permanent=True, retry_at=None, now=now)
    assert (row(engine).ts, row(engine).dead_at) == ("1700000000.1", None)
    assert claimed(engine, now + timedelta(days=1)) is None


def test_many_senders_claim_each_message_once(engine: sa.Engine, now: datetime) -> None:
    for each in range(20):
        owe(engine, now, f"key {each}")
    with ThreadPoolExecutor(6) as pool:
        taken = [message for message in pool.map(lambda _: claimed(engine, now), range(40)) if message is not None]
    # A sender that loses every race goes home empty; nobody's message is taken twice.
    assert len({message.id for message in taken}) == len(taken)
    while (message := claimed(engine, now)) is not None:
        taken.append(message)
    assert sorted(message.key for message in taken) == sorted(f"key {each}" for each in range(20))


def test_whoever_dies_leaves_a_claim_that_runs_out(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now)
    first = number(claimed(engine, now))
    with transaction(engine) as session:
        outbox.sending(session, first, "C1", now)
    # Killed here: what became of it is not known, and the next one is told so.
    late = now + LEASE + timedelta(seconds=1)
    again = claimed(engine, late)
    assert again is not None
    assert (again.id, again.sending, again.attempts) == (first, True, 2)


def test_a_claim_that_ran_out_must_not_send(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now)
    message = number(claimed(engine, now))
    late = now + LEASE + timedelta(seconds=1)
    with transaction(engine) as session:
        assert not outbox.sending(session, message, "C1", late)


def test_failures_wait_longer_and_longer_and_end(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now)
    waits = []
    for _ in range(12):
        message = number(claimed(engine, now))
        with transaction(engine) as session:
            outbox.failed(session, message, "503 " * 1_000, permanent=False, retry_at=None, now=now)
        due = row(engine).claimed_until
        assert due is not None
        assert claimed(engine, due - timedelta(milliseconds=1)) is None
        waits.append((due - now).total_seconds())
        now = due
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    assert len(row(engine).last_error or "") <= 500
    with engine.begin() as connection:
        connection.execute(sa.update(Outgoing).values(attempts=MOST_ATTEMPTS))
    message = number(claimed(engine, now))
    with transaction(engine) as session:
        outbox.failed(session, message, "still 503", permanent=False, retry_at=None, now=now)
    assert row(engine).dead_at == now
    assert claimed(engine, now + timedelta(days=9)) is None


def test_a_permanent_failure_is_dead_and_blocks_nobody(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now, "first")
    owe(engine, now, "second")
    first = number(claimed(engine, now))
    with transaction(engine) as session:
        outbox.failed(session, first, "channel_not_found", permanent=True, retry_at=None, now=now)
    second = claimed(engine, now)
    assert second is not None
    assert second.key == "second"


def test_a_given_time_and_an_unknown_outcome_are_kept(engine: sa.Engine, now: datetime) -> None:
    owe(engine, now)
    message = number(claimed(engine, now))
    with transaction(engine) as session:
        outbox.sending(session, message, "C1", now)
        outbox.failed(
            session, message, "no answer", permanent=False, retry_at=now + timedelta(seconds=30), now=now, unknown=True
        )
    assert claimed(engine, now + timedelta(seconds=29)) is None
    again = claimed(engine, now + timedelta(seconds=30))
    assert again is not None
    assert again.sending

"""A new best is announced once an hour at most: what comes within it waits, and then the best of that hour is said."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from registry import outbox
from registry.announcements.new_best import new_best
from registry.asker import Asker
from registry.db import transaction
from registry.retry import kept
from registry.tables import Outgoing
from tests.threats.office import Office

HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=10)


@pytest.fixture
def office(sqlite_engine: sa.Engine, tmp_path: Path) -> Office:
    return Office.open(sqlite_engine, tmp_path)


def announced(office: Office) -> list[str]:
    """What is due now, and what is said of it where it is still true; it counts as sent."""
    texts: list[str] = []
    while True:
        with transaction(office.scene.engine) as session:
            row = outbox.claim(session, office.now)
            if row is None:
                return texts
            assert row.id is not None
            answer = new_best(session, Asker(), office.now, row.payload)
            outbox.sent(session, row.id, None, office.now)
            texts += [answer.text.split(" ", 1)[0]] if answer is not None else []


def record(office: Office, value: float, later: timedelta = timedelta(0)) -> str:
    run = office.train(value)
    office.look(later)
    assert office.verdict(run) == "verified"
    return run


def test_within_the_hour_they_wait_and_the_best_of_them_is_said(engine: sa.Engine, tmp_path: Path) -> None:
    office = Office.open(engine, tmp_path)
    record(office, 0.91)
    assert announced(office) == ["brave-otter-1"]
    for value in (0.92, 0.93):
        record(office, value, MINUTES)
        assert announced(office) == []
    office.now += HOUR - 2 * MINUTES - timedelta(seconds=1)
    assert announced(office) == []
    office.now += timedelta(seconds=2)
    assert announced(office) == ["brave-otter-3"]
    record(office, 0.94, MINUTES)  # an hour after that one, again
    assert announced(office) == []
    office.now += HOUR
    assert announced(office) == ["brave-otter-4"]


def test_nothing_is_lost_when_the_better_one_falls_meanwhile(office: Office) -> None:
    record(office, 0.91)
    assert announced(office) == ["brave-otter-1"]
    record(office, 0.92, MINUTES)
    fallen = record(office, 0.93, MINUTES)
    said = b'{"what": "invalidated", "reason": "measured on the training set"}'
    assert office.send("POST", f"runs/{fallen}/corrections", said)[0] == 201
    office.look()
    office.now += HOUR
    assert announced(office) == ["brave-otter-2"]


def test_after_a_quiet_hour_it_is_said_at_once_and_so_it_is_where_the_limit_is_off(office: Office) -> None:
    record(office, 0.91)
    assert announced(office) == ["brave-otter-1"]
    record(office, 0.92, HOUR)
    assert announced(office) == ["brave-otter-2"]
    office.scene.settings.new_best_every_s = 0
    for number, value in ((3, 0.93), (4, 0.94)):
        record(office, value)
        assert announced(office) == [f"brave-otter-{number}"]


def test_a_turn_is_of_one_kind_and_project(engine: sa.Engine, now: datetime) -> None:
    def owe(key: str, kind: str = "new_best", project: str = "one", not_before: datetime | None = None) -> bool:
        words = {"key": key, "kind": kind, "project_id": project, "payload": {}, "now": now, "not_before": not_before}
        return kept(engine, lambda session: outbox.owe(session, **words))  # type: ignore[arg-type]

    def turn(kind: str = "new_best", project: str = "one", at: datetime = now) -> datetime:
        return kept(engine, lambda session: outbox.next_turn(session, kind, project, HOUR, at))

    assert turn() == now
    assert owe("1")
    assert (turn(), turn(project="two"), turn("verdict_changed")) == (now + HOUR, now, now)
    assert turn(at=now + HOUR) == now + HOUR
    assert owe("2", not_before=turn())
    assert turn(at=now + MINUTES) == now + HOUR  # it goes with the one that waits
    first = kept(engine, lambda session: outbox.claim(session, now))
    assert first is not None
    assert (first.key, kept(engine, lambda session: outbox.claim(session, now + MINUTES)).key) == ("1", "1")  # type: ignore[union-attr]
    kept(engine, lambda session: outbox.sent(session, first.id or 0, None, now + MINUTES))
    assert kept(engine, lambda session: outbox.claim(session, now + HOUR - MINUTES)) is None
    second = kept(engine, lambda session: outbox.claim(session, now + HOUR))
    assert second is not None
    kept(engine, lambda session: outbox.sent(session, second.id or 0, None, now + HOUR))
    assert turn(at=now + HOUR + MINUTES) == now + 2 * HOUR
    assert owe("dead")
    kept(engine, lambda session: outbox.failed(session, third(session), "no", permanent=True, retry_at=None, now=now))
    assert turn(at=now + 2 * HOUR) == now + 2 * HOUR


def third(session: Session) -> int:
    found = session.exec(select(Outgoing.id).where(Outgoing.key == "dead")).one()
    assert found is not None
    return found

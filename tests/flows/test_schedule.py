"""What the schedule tidies by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import select

from registry.db import reading, transaction
from registry.schedule import SEEN_FOR, forget_seen
from registry.tables import Seen


def test_deliveries_are_forgotten_when_nobody_repeats_them_any_more(engine: sa.Engine, now: datetime) -> None:
    with transaction(engine) as session:
        session.add(Seen(key="event/old", at=now - SEEN_FOR - timedelta(seconds=1)))
        session.add(Seen(key="event/new", at=now - SEEN_FOR + timedelta(seconds=1)))
    assert forget_seen(engine, now) == 1
    with reading(engine) as session:
        assert session.exec(select(Seen.key)).all() == ["event/new"]

"""What happens by itself and when: a ticker in this process; what is due is decided by rows in the database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, delete

from registry import keys, log
from registry.artifacts import Store
from registry.examine import examine_due
from registry.retry import kept, passes
from registry.settings import Settings
from registry.tables import Seen

SEEN_FOR = timedelta(days=3)  # Slack delivers an event again for an hour at most

_log = logging.getLogger("registry.schedule")


def start(engine: sa.Engine, store: Store, settings: Settings) -> BackgroundScheduler:
    """Begin to tick. Any number of processes may: each run is claimed in the database before anybody looks at it."""
    scheduler = BackgroundScheduler(
        timezone=UTC,
        # A tick that comes late is one tick, is not dropped, and never runs beside itself.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    jobs: dict[str, tuple[Callable[[], object], timedelta]] = {
        "examine": (lambda: examine_due(engine, store, settings, _now()), timedelta(seconds=1)),
        "checkpoint": (lambda: sign_log(engine, settings, _now()), timedelta(minutes=1)),
        "forget": (lambda: forget_seen(engine, _now()), timedelta(hours=1)),
    }
    for name, (work, every) in jobs.items():
        scheduler.add_job(_tick, "interval", seconds=every.total_seconds(), id=name, args=[name, work])
    scheduler.start()
    return scheduler


def sign_log(engine: sa.Engine, settings: Settings, now: datetime) -> int:
    """Sign the log as it is, where it has grown; its size. Raises TrackrecordError where its past was changed."""
    signing = keys.load(settings.data_dir / "keys")
    return kept(engine, lambda session: log.checkpoint(session, keys.publish(session, signing, now), now).size)


def forget_seen(engine: sa.Engine, now: datetime) -> int:
    """Drop the marks of events that nobody delivers again."""
    old = delete(Seen).where(col(Seen.at) < now - SEEN_FOR)
    return kept(engine, lambda session: session.exec(old).rowcount)


def _tick(name: str, work: Callable[[], object]) -> None:
    """One tick. A database that is away for a while is tried again at the next one."""
    try:
        work()
    except SQLAlchemyError as error:
        if not passes(error):
            raise  # APScheduler logs it, and ticks on
        _log.warning("the database could not be asked by %s: %s", name, type(error).__name__)


def _now() -> datetime:
    return datetime.now(UTC)

"""connect() and transaction(): the only begin and commit there is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session


def connect(url: str, *, threads: int = 16) -> sa.Engine:
    """An engine for SQLite or PostgreSQL, with a pool as large as the number of threads that may ask at once."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=threads,
            max_overflow=4,
            pool_pre_ping=True,
            connect_args={"options": "-c statement_timeout=60000 -c lock_timeout=30000"},
        )
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, pool_size=threads, max_overflow=4, connect_args={"check_same_thread": False})
    sa.event.listen(engine, "connect", _on_sqlite_connect)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transactions lose updates silently; ours begin in `_begin_immediate`.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[Session]:
    """Write: everything inside is kept, or nothing."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """Read one consistent state; nothing is kept. On SQLite it does not wait for writers."""
    with Session(engine.execution_options(reading=True), expire_on_commit=False) as session:
        try:
            yield session
        finally:
            session.rollback()

"""A transaction that is tried again where two writers met, and which database errors pass by themselves."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlmodel import Session

from registry.db import transaction

T = TypeVar("T")

# PostgreSQL: could not serialize, deadlock, lock not available, and a key that another writer kept a moment earlier.
_MET = frozenset(("40001", "40P01", "55P03", "23505"))
_TRIES = 6


def kept(engine: sa.Engine, work: Callable[[Session], T], *, tries: int = _TRIES) -> T:
    """Do the work in a transaction of its own; anew, from its beginning, where another writer was in the way."""
    for left in reversed(range(tries)):
        try:
            with transaction(engine) as session:
                return work(session)
        except exc.DBAPIError as error:
            if left == 0 or not met_another(error):
                raise
            time.sleep(random.uniform(0.005, 0.05) * (tries - left))  # noqa: S311 (spreads writers, guards nothing)
    raise AssertionError("unreachable")


def met_another(error: exc.DBAPIError) -> bool:
    """Whether the same work may succeed at once: somebody else was writing the same rows."""
    return _sqlstate(error) in _MET or "UNIQUE constraint failed" in str(error.orig)


def passes(error: exc.SQLAlchemyError) -> bool:
    """Whether the same request may succeed later without anybody mending it: a lock, a lost connection, a full pool."""
    if isinstance(error, exc.TimeoutError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    state = _sqlstate(error)
    # 57: the server is shut down or a statement took too long; 53: it is out of something; 08: the connection.
    return (
        error.connection_invalidated
        or isinstance(error, exc.OperationalError)
        or state[:2] in ("08", "53", "57")
        or met_another(error)
    )


def is_full(error: exc.SQLAlchemyError) -> bool:
    """Whether the database's disk is full."""
    said = str(getattr(error, "orig", ""))
    return isinstance(error, exc.DBAPIError) and (_sqlstate(error) == "53100" or "disk is full" in said)


def _sqlstate(error: exc.DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", "") or "")

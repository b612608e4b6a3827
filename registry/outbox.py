"""Messages owed: owed in the transaction that makes them true, claimed, sent, and kept until they are.

A row goes: owed -> claimed (for a while) -> sending -> sent, or back with a later time, or dead. Whoever dies in
between leaves a row whose claim runs out. One that is claimed while `sending` may have been sent: look before sending.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Update, and_, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from registry.tables import Outgoing

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 200  # at five minutes each at the end: most of a day
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 300.0
_LONGEST_ERROR = 500


def owe(
    session: Session,
    *,
    key: str,
    kind: str,
    project_id: str,
    payload: dict[str, Any],
    now: datetime,
    not_before: datetime | None = None,
) -> bool:
    """Owe a message; False when one is owed (or was sent) under that key already. Nobody takes it `not_before` then."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"key": key, "kind": kind, "project_id": project_id, "payload": payload, "created_at": now}
    row["claimed_until"] = not_before if not_before is not None and not_before > now else None
    query = insert(Outgoing).values(**row, attempts=0, sending=False).on_conflict_do_nothing(index_elements=["key"])
    return session.execute(query.returning(col(Outgoing.id))).first() is not None


def next_turn(session: Session, kind: str, project_id: str, every: timedelta, now: datetime) -> datetime:
    """When a message of this kind may go to the project's channels: now, or `every` after the one before it.

    Where one waits for its turn, that is the turn of all: whichever of them are still true by then go together.
    """
    recent = now - every
    owed_lately = or_(col(Outgoing.created_at) > recent, col(Outgoing.claimed_until) > now)
    query = select(Outgoing).where(
        Outgoing.kind == kind,
        Outgoing.project_id == project_id,
        col(Outgoing.channel).is_(None),  # what goes to each channel follows from it
        col(Outgoing.dead_at).is_(None),
        or_(col(Outgoing.sent_at) > recent, and_(col(Outgoing.sent_at).is_(None), owed_lately)),
    )
    turn = now
    for row in session.exec(query):
        if row.sent_at is None and row.claimed_until is not None and row.claimed_until > now:
            return row.claimed_until
        turn = max(turn, (row.sent_at or row.created_at) + every)
    return turn


def claim(session: Session, now: datetime) -> Outgoing | None:
    """Take one message that is due, for `LEASE`. The UPDATE decides between two senders, not the SELECT."""
    for _ in range(8):
        query = select(Outgoing).where(_open(), _due(now)).order_by(col(Outgoing.id)).limit(1)
        row = session.exec(query.execution_options(populate_existing=True)).first()
        if row is None:
            return None
        taking = update(Outgoing).where(col(Outgoing.id) == row.id, _open(), _due(now))
        if _changed(_do(session, taking.values(claimed_until=now + LEASE, attempts=Outgoing.attempts + 1))):
            session.refresh(row)
            return row
    return None


def sending(session: Session, id: int, channel: str, now: datetime) -> bool:
    """Say that it is handed to Slack now. False when the claim ran out meanwhile: then it must not be sent."""
    held = and_(_open(), col(Outgoing.claimed_until) > now)
    saying = update(Outgoing).where(col(Outgoing.id) == id, held)
    return _changed(_do(session, saying.values(sending=True, channel=channel, claimed_until=now + LEASE)))


def sent(session: Session, id: int, ts: str | None, now: datetime) -> bool:
    """It arrived; `ts` is Slack's name of it (None: there was nothing left to say). False when it was done before."""
    doing = update(Outgoing).where(col(Outgoing.id) == id, _open())
    values = {"sent_at": now, "ts": ts, "sending": False, "claimed_until": None, "last_error": None}
    return _changed(_do(session, doing.values(**values)))


def failed(
    session: Session,
    id: int,
    error: str,
    *,
    permanent: bool,
    retry_at: datetime | None,
    now: datetime,
    unknown: bool = False,
) -> None:
    """It did not arrive. `permanent`: given up. `retry_at` None: by the number of attempts, up to five minutes.

    `unknown`: it may have arrived; whoever claims it next must look before sending.
    """
    row = session.exec(select(Outgoing).where(Outgoing.id == id).with_for_update()).one_or_none()
    if row is None or row.sent_at is not None or row.dead_at is not None:
        return
    row.last_error = error[:_LONGEST_ERROR]
    row.sending = unknown
    if permanent or row.attempts >= MOST_ATTEMPTS:
        row.dead_at = now
        row.claimed_until = None
    else:
        row.claimed_until = retry_at or now + wait(row.attempts)
    session.add(row)


def wait(attempts: int) -> timedelta:
    """How long after that many attempts the next one is made: 1 s, 2 s, 4 s … 5 min."""
    return timedelta(seconds=min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(max(attempts - 1, 0), 20)))


def _open() -> ColumnElement[bool]:
    return and_(col(Outgoing.sent_at).is_(None), col(Outgoing.dead_at).is_(None))


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(col(Outgoing.claimed_until).is_(None), col(Outgoing.claimed_until) <= now)


def _do(session: Session, query: Update) -> Any:
    return session.execute(query.execution_options(synchronize_session=False))


def _changed(result: Any) -> bool:
    assert isinstance(result, CursorResult)
    return result.rowcount == 1

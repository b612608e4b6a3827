"""Sends what is owed: claim -> announce -> draw -> mark sending -> deliver -> mark sent. Killed anywhere: one message.

A row that is found `sending` may have been sent by somebody who died: the channel is searched for it before anything
else. A message that Slack will never take is put aside and holds up no other.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from bot import guard
from bot.deliver import DeliveryError
from bot.desk import Desk
from bot.heard import renew
from bot.owed import post_key, said_by
from registry import outbox
from registry.db import transaction
from registry.tables import Outgoing, SlackChannel

log = logging.getLogger("trackrecord.bot")

_PAUSE_S = 0.5  # between two looks at an outbox that owes nothing


class Sender:
    """The thread that sends. `wake` makes it look at once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._due.set()

    def stop(self) -> None:
        """Finish the message at hand, then end."""
        self._stopping.set()
        self._due.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._due.clear()
            try:
                busy = send_one(self._desk)
            except SQLAlchemyError as error:
                log.warning("the outbox could not be read: %s", type(error).__name__)
                busy = False
            if not busy:
                self._due.wait(_PAUSE_S)


def send_one(desk: Desk) -> bool:
    """See to one message that is due. False when none is. Raises SQLAlchemyError when the database does not answer."""
    with transaction(desk.engine) as session:
        row = outbox.claim(session, desk.clock())
        if row is not None and row.channel is None:
            _spread(session, desk, row)
            return True
    if row is None:
        return False
    try:
        _send(desk, row)
    except DeliveryError as error:
        _not_sent(desk, row, error)
    except SQLAlchemyError:
        raise
    except Exception as error:
        log.exception("message %s could not be made", row.key)
        _not_sent(desk, row, DeliveryError(f"could not be made: {type(error).__name__}"))
    return True


def _spread(session: Session, desk: Desk, row: Outgoing) -> None:
    """A message of a project becomes one of its own for each channel that wants the project's announcements."""
    query = select(SlackChannel).where(
        SlackChannel.project_id == row.project_id,
        col(SlackChannel.announcements).is_(True),
        col(SlackChannel.team_id).in_(guard.allowed(desk.settings)),
    )
    now = desk.clock()
    for place in session.exec(query).all():
        key = f"{row.key}/{place.channel_id}"
        if outbox.owe(
            session, key=key, kind=row.kind, project_id=row.project_id, payload=row.payload, now=row.created_at
        ):
            session.exec(select(Outgoing).where(Outgoing.key == key)).one().channel = place.channel_id
    assert row.id is not None
    outbox.sent(session, row.id, None, now)


def _send(desk: Desk, row: Outgoing) -> None:
    assert row.id is not None
    assert row.channel is not None
    thread = str(row.payload.get("thread") or "")
    if row.sending:
        found = desk.slack.find(row.channel, post_key(row), row.created_at, thread)
        if found:
            _sent(desk, row, found)
            return
    message = said_by(desk, row)
    if message is None:
        _sent(desk, row, None)
        return
    with transaction(desk.engine) as session:
        if not outbox.sending(session, row.id, row.channel, desk.clock()):
            return  # it took too long: somebody else has it
    _, ts = desk.slack.post(row.channel, message, key=post_key(row), thread=thread)
    _sent(desk, row, ts)


def _sent(desk: Desk, row: Outgoing, ts: str | None) -> None:
    assert row.id is not None
    with transaction(desk.engine) as session:
        outbox.sent(session, row.id, ts, desk.clock())
        current = session.get_one(Outgoing, row.id)
    if current.payload != row.payload:
        renew(desk, current)  # the message that it answers was edited meanwhile


def _not_sent(desk: Desk, row: Outgoing, error: DeliveryError) -> None:
    assert row.id is not None
    now = desk.clock()
    retry_at = now + timedelta(seconds=error.retry_after) if error.retry_after is not None else None
    log.warning("message %s was not sent: %s%s", row.key, error, " (given up)" if error.permanent else "")
    with transaction(desk.engine) as session:
        outbox.failed(
            session,
            row.id,
            str(error),
            permanent=error.permanent,
            retry_at=retry_at,
            now=now,
            unknown=error.unknown or (row.sending and not error.permanent),
        )

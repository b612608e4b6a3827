"""Messages in channels that opted in to claim checks: a claim owes a reply, an edit changes it, a press ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from bot import guard
from bot.command import plain
from bot.desk import Desk, bound
from bot.owed import CLAIM, said_by
from registry import claims, outbox
from registry.db import reading, transaction
from registry.tables import Outgoing

_NEW = (None, "file_share", "thread_broadcast")


def heard(desk: Desk, body: Mapping[str, Any]) -> bool:
    """Take a message event in. True when the sender has something to send."""
    event = body["event"]
    team, channel, subtype = str(body.get("team_id") or ""), str(event.get("channel") or ""), event.get("subtype")
    if subtype == "message_deleted":
        return _said_now(desk, _key(team, channel, event.get("deleted_ts")), "")
    if subtype == "message_changed":
        message = event.get("message") or {}
        if message.get("text") == (event.get("previous_message") or {}).get("text"):
            return False  # Slack added a preview
    elif subtype in _NEW:
        message = event
    else:
        return False
    if not guard.is_person(message):
        return False
    words = _words(desk, str(message.get("text") or ""))
    key = _key(team, channel, message.get("ts"))
    if subtype == "message_changed" and _is_owed(desk, key):
        return _said_now(desk, key, words)
    thread = str(message.get("thread_ts") or message.get("ts") or "")
    return bool(words) and _owe(desk, team, channel, key, words, thread)


def not_a_claim(desk: Desk, key: str) -> None:
    """Take a reply back for good: the message was no claim, and later edits of it are none either."""
    with transaction(desk.engine) as session:
        row = _row(session, key)
        if row is None:
            return
        row.payload = {**row.payload, "words": "", "not_a_claim": True}
        session.add(row)
    renew(desk, row)


def renew(desk: Desk, row: Outgoing) -> None:
    """Make a reply that stands in Slack say what its row says now; remove it where that is nothing."""
    if row.ts is None or row.channel is None:
        return
    message = said_by(desk, row)
    if message is not None:
        desk.slack.update(row.channel, row.ts, message)
        return
    desk.slack.delete(row.channel, row.ts)
    with transaction(desk.engine) as session:
        session.get_one(Outgoing, row.id).ts = None


def _words(desk: Desk, text: str) -> str:
    """The claim in a message as words for the question; "" when it makes none or speaks to us."""
    me = desk.slack.identity
    if me is not None and f"<@{me.bot_user}>" in text:
        return ""
    claim = claims.read(plain(text))
    return claim.shown if claim else ""


def _owe(desk: Desk, team: str, channel: str, key: str, words: str, thread: str) -> bool:
    with transaction(desk.engine) as session:
        place = bound(session, team, channel)
        if place is None or not place.claims:
            return False
        payload = {"words": words, "thread": thread}
        owed = outbox.owe(session, key=key, kind=CLAIM, project_id=place.project_id, payload=payload, now=desk.clock())
        if owed:
            row = _row(session, key)
            assert row is not None
            row.channel = channel
            session.add(row)
        return owed


def _said_now(desk: Desk, key: str, words: str) -> bool:
    """The message says something else now. True when a reply is to be sent anew."""
    with transaction(desk.engine) as session:
        row = _row(session, key)
        if row is None or row.payload.get("not_a_claim") or row.payload.get("words") == words:
            return False
        row.payload = {**row.payload, "words": words}
        again = bool(words) and row.sent_at is not None and row.ts is None
        if again:
            row.payload = {**row.payload, "said_again": int(row.payload.get("said_again") or 0) + 1}
            row.sent_at, row.claimed_until, row.attempts = None, None, 0
        session.add(row)
    if not again and row.sent_at is not None:
        renew(desk, row)
    return again


def _is_owed(desk: Desk, key: str) -> bool:
    with reading(desk.engine) as session:
        return _row(session, key) is not None


def _row(session: Session, key: str) -> Outgoing | None:
    query = select(Outgoing).where(Outgoing.key == key, Outgoing.kind == CLAIM)
    return session.exec(query.with_for_update()).one_or_none()


def _key(team: str, channel: str, ts: object) -> str:
    return f"{CLAIM}/{team}/{channel}/{ts!s:.40}"

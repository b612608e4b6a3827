"""An owed message -> what is said: an announcement of the registry, or the answer to a claim made in a channel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import registry.announcements
from bot.blocks import Asking, Button, Charts, Message, draw
from bot.desk import Desk, pictures
from registry.ask import ask
from registry.db import reading
from registry.folder import functions_in
from registry.tables import Outgoing
from trackrecord.answer import Answer, Chart
from trackrecord.errors import TrackrecordError

CLAIM = "claim"  # the kind of a row that answers a claim; every other kind is a file of registry/announcements


@cache
def _announcements() -> Mapping[str, Any]:
    return functions_in(registry.announcements)


def said_by(desk: Desk, row: Outgoing) -> Message | None:
    """The message as it is true now, its charts uploaded; None when there is nothing (any more) to say."""
    answer = _answer(desk, row)
    if answer is None:
        return None
    charts: Charts = pictures(desk, answer) if any(isinstance(part, Chart) for part in answer.parts) else {}
    if row.kind != CLAIM:
        return draw(answer, charts=charts, base_url=desk.settings.base_url)
    unsay = Button("Not a claim", "not_a_claim", row.key, spoken="That was not a claim: take this answer back")
    asking = Asking(CLAIM, str(row.payload.get("words") or ""))
    return draw(answer, charts=charts, base_url=desk.settings.base_url, asking=asking, buttons=(unsay,))


def _answer(desk: Desk, row: Outgoing) -> Answer | None:
    asker = desk.asker(row.project_id)
    with reading(desk.engine) as session:
        if row.kind != CLAIM:
            announcement: Answer | None = _announcements()[row.kind](session, asker, desk.clock(), row.payload)
            return announcement
        words = str(row.payload.get("words") or "")
        try:
            return ask(session, CLAIM, words, asker, desk.clock()) if words else None
        except TrackrecordError:
            return None  # it cannot be held against this project's metric: better silent than beside the point


def post_key(row: Outgoing) -> str:
    """What the posted message is found by. A reply that was taken back and is said again is another message."""
    said_again = int(row.payload.get("said_again") or 0)
    return f"{row.key}/{said_again}" if said_again else row.key

"""What the bot works with, and how a question from Slack is answered: always with an Answer, never with a trace."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot.blocks import Charts
from bot.command import Asked
from bot.deliver import DeliveryError, Slack
from registry import charts
from registry.ask import ask, find_question
from registry.asker import Asker
from registry.db import reading, transaction
from registry.retry import passes
from registry.settings import Settings
from registry.tables import SlackChannel
from trackrecord.answer import Answer, Chart, Note
from trackrecord.errors import TrackrecordError

log = logging.getLogger("trackrecord.bot")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, database, Slack and the clock."""

    settings: Settings
    engine: sa.Engine
    slack: Slack
    clock: Callable[[], datetime] = utc_now

    @property
    def prefix(self) -> str:
        """What stands before a question's name when it is typed in Slack."""
        return f"/{self.settings.command_prefix}"

    def asker(self, project: str | None) -> Asker:
        """Everybody in the workspace may ask about every project; `project` is the channel's."""
        return Asker(
            project=project,
            base_url=self.settings.base_url,
            prefix=self.prefix,
            silent_after_s=self.settings.silent_after_s,
        )


def bound(session: Session, team: str, channel: str) -> SlackChannel | None:
    """What the channel is bound to."""
    return session.get(SlackChannel, (team, channel)) if team and channel else None


def answer_to(desk: Desk, asked: Asked) -> Answer:
    """The answer. What a person can mend says how; what nobody expected is logged under a short id to quote."""
    try:
        return _ask(desk, asked)
    except TrackrecordError as error:
        return in_words(error)
    except Exception as error:
        if isinstance(error, SQLAlchemyError) and passes(error):
            log.warning("the database did not answer: %s", type(error).__name__)
            return in_words(TrackrecordError("The registry's database does not answer.", "Try again in a minute."))
        number = secrets.token_hex(4)
        log.exception("unexpected error %s", number)
        return unexpected(number)


def _ask(desk: Desk, asked: Asked) -> Answer:
    name = asked.question or "help"
    writes = find_question(name, desk.asker(None)).writes
    with (transaction if writes else reading)(desk.engine) as session:
        channel = bound(session, asked.team, asked.channel)
        asker = desk.asker(channel.project_id if channel else None)
        return ask(session, name, asked.words, asker, desk.clock())


def in_words(error: TrackrecordError) -> Answer:
    """An error as an answer: what happened, then what to do."""
    hint = (Note(error.hint),) if error.hint else ()
    return Answer(title="", text=error.message or "That did not work.", parts=hint, tone="warn")


def unexpected(number: str) -> Answer:
    """A mistake of ours. The log has all of it under the number."""
    text = f"Something went wrong in trackrecord. Whoever runs it finds it in the log under {number}."
    return Answer(title="", text=text, tone="bad")


def pictures(desk: Desk, answer: Answer) -> Charts:
    """Draw and upload the charts of an answer: number of the chart -> file id, None where it could not be made."""
    drawn = [part for part in answer.parts if isinstance(part, Chart)]
    return {number: _picture(desk, chart) for number, chart in enumerate(drawn)}


def _picture(desk: Desk, chart: Chart) -> str | None:
    content = charts.draw(chart)
    if content is None:
        return None
    try:
        return desk.slack.upload(content, filename="chart.png", title=chart.title, alt=chart.alt)
    except DeliveryError as error:
        log.warning("a chart could not be uploaded: %s", error)
        return None

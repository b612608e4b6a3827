"""Further starts of a run that was preempted and goes on: kept beside the run's own report, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from registry.attachments import attach
from registry.bodies import refused
from registry.params import canonical
from registry.tables import Attempt, Run
from trackrecord.errors import TrackrecordError
from trackrecord.report import AttemptReport, RunReport

MOST_LETTERS = 64_000_000  # in all reports of one run's attempts: they are read together when it is checked

_SHAPE: TypeAdapter[RunReport] = TypeAdapter(RunReport)


def keep(session: Session, run: Run, writer: str, attempts: Sequence[AttemptReport], now: datetime) -> None:
    """Keep what was seen at further starts of the run; the same said again is fine.

    Raises TrackrecordError: 422 where a report is another run's, 409 where a number was used with other content, 413
    where there is too much of it.
    """
    for each in attempts:
        where = f"attempts.{each.number}.report"
        if each.report.project != run.project_id:
            raise refused(f"{where}.project", "must be the project of the run")
        if each.report.name != run.name:
            raise refused(f"{where}.name", "must be the name of the run")
        _keep(session, run, writer, each, now)
    if attempts:
        session.flush()
        letters = select(sa.func.sum(sa.func.length(Attempt.report))).where(col(Attempt.run_id) == run.id)
        if (session.exec(letters).one() or 0) > MOST_LETTERS:
            said = f"The attempts of a run report at most {MOST_LETTERS:,} characters."
            raise TrackrecordError(said, "Make a new run.", status=413)


def _keep(session: Session, run: Run, writer: str, attempt: AttemptReport, now: datetime) -> None:
    text = canonical(asdict(attempt.report)).decode()
    before = session.get(Attempt, (run.id, attempt.number))
    if before is None:
        session.add(Attempt(run_id=run.id, number=attempt.number, writer=writer, report=text, received_at=now))
        attach(session, run.id, attempt.report)
    elif before.report != text:
        raise TrackrecordError(
            f"Attempt {attempt.number} of the run was reported before, with other content.",
            "Every start of a run has a number of its own.",
            status=409,
        )


def rows_of(session: Session, run_id: str) -> list[Attempt]:
    """As they are kept, in the order of their numbers."""
    return list(session.exec(select(Attempt).where(Attempt.run_id == run_id).order_by(col(Attempt.number))))


def attempts_of(session: Session, run_id: str) -> list[AttemptReport]:
    """As the run reported them, in the order of their numbers."""
    rows = rows_of(session, run_id)
    return [AttemptReport(number=row.number, report=_SHAPE.validate_json(row.report)) for row in rows]

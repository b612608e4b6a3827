"""What is said about a run afterwards: superseded, invalidated or deleted. Runs are never edited; this stands beside.

A correction is a row, an entry of the log, and a word on the run by which nothing ranks it any more. Deleting removes
what the run holds and leaves a tombstone that is counted as a try for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast, get_args

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select

from registry import log
from registry.facts import CorrectionFacts
from registry.tables import (
    Artifact,
    Attachment,
    Attempt,
    Batch,
    Chunk,
    Correction,
    Dataset,
    Finding,
    Param,
    Placing,
    Prediction,
    Project,
    Remark,
    Run,
    Series,
)
from registry.tokens import Caller
from registry.tombstone import finish_left, left_digest, report_left
from trackrecord.errors import TrackrecordError
from trackrecord.report import CorrectionReport, Withdrawal

_WORSE: tuple[Withdrawal, ...] = get_args(Withdrawal)  # each one outweighs those before it


def correct(
    session: Session,
    caller: Caller,
    run_id: str,
    report: CorrectionReport,
    now: datetime,
    *,
    silent_after_s: int = 900,
) -> bool:
    """Say it about the run; False where that was said already, word for word: then nothing changes.

    Owner or maintainer may supersede and invalidate, a maintainer may delete. Raises TrackrecordError: 403 beyond the
    token, 404 no such run, 409 it goes on, was deleted, or the other run does not stand.
    """
    run = _held(session, caller, run_id)
    _may(caller, run, report.what)
    if _said_before(session, run, report):
        return False
    if run.withdrawn == "deleted":
        raise TrackrecordError("The run was deleted.", "Nothing more can be said about it.", status=409)
    _has_ended(run, report.what, silent_after_s, now)
    if report.instead is not None:
        _stands(session, run, report.instead)
    run.withdrawn = max((run.withdrawn, report.what), key=_weight)
    run.check_at = now  # judged again, so that whoever was told of it is told of this too
    if report.what == "deleted":
        _empty(session, run)
    session.add(run)
    session.flush()
    left = {"left": left_digest(run)} if report.what == "deleted" else {}
    leaf = log.append(
        session,
        "correction",
        now,
        run=run.id,
        project=run.project_id,
        what=report.what,
        reason=report.reason,
        by=caller.owner,
        instead=report.instead,
        **left,
    )
    session.add(
        Correction(
            run_id=run.id,
            what=report.what,
            reason=report.reason,
            instead=report.instead,
            by=caller.owner,
            at=now,
            leaf=leaf,
        )
    )
    session.flush()
    return True


def corrections_of(session: Session, runs: Sequence[str]) -> dict[str, list[Correction]]:
    """What was said of each of the runs, the gravest first, then the latest. Where nothing was, it is not in."""
    found: dict[str, list[Correction]] = defaultdict(list)
    query = select(Correction).where(col(Correction.run_id).in_(runs)).order_by(col(Correction.leaf).desc())
    for row in session.exec(query):
        found[row.run_id].append(row)
    for each in found.values():
        each.sort(key=lambda row: -_weight(row.what))
    return dict(found)


def facts(session: Session, run_id: str) -> tuple[CorrectionFacts, ...]:
    """The same as the checks read it; the run that counts instead by its name."""
    return tuple(
        CorrectionFacts(cast(Any, row.what), row.reason, row.by, _name(session, row.instead))
        for row in corrections_of(session, [run_id]).get(run_id, [])
    )


def counts_instead(session: Session, run_id: str) -> Run | None:
    """The run that counts in this one's place, along however many supersessions; None: none was named."""
    run, last = session.get(Run, run_id), None
    seen = {run_id}
    while run is not None and run.withdrawn == "superseded":
        said = next(iter(corrections_of(session, [run.id]).get(run.id, [])), None)
        if said is None or said.instead is None or said.instead in seen:
            break
        seen.add(said.instead)
        run = last = session.get(Run, said.instead)
    return last


def _held(session: Session, caller: Caller, run_id: str) -> Run:
    """The run, locked until the transaction ends, and with it its project: two corrections of one project wait for each
    other, so that two runs cannot supersede one another."""
    project_id = session.exec(select(Run.project_id).where(Run.id == run_id)).one_or_none()
    if project_id is None or not caller.may("reader", project_id):
        raise TrackrecordError("There is no such run.", "Ask for the latest ones: recent.", status=404)
    session.exec(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)).one()
    held = select(Run).where(Run.id == run_id).with_for_update()
    return session.exec(held.execution_options(populate_existing=True)).one()


def _may(caller: Caller, run: Run, what: Withdrawal) -> None:
    if caller.may("maintainer", run.project_id):
        return
    if what == "deleted":
        raise TrackrecordError("This token may not delete a run.", "Ask a maintainer of the project.", status=403)
    if not caller.may("runner", run.project_id) or caller.owner != run.owner:
        raise TrackrecordError(
            "This run is somebody else's.", "Ask its owner, or a maintainer of the project.", status=403
        )


def _said_before(session: Session, run: Run, report: CorrectionReport) -> bool:
    same = select(Correction.id).where(
        Correction.run_id == run.id,
        Correction.what == report.what,
        Correction.reason == report.reason,
        col(Correction.instead).is_not_distinct_from(report.instead),
    )
    return session.exec(same.limit(1)).first() is not None


def _has_ended(run: Run, what: Withdrawal, silent_after_s: int, now: datetime) -> None:
    """A run that goes on is not withdrawn under its script's hands; one that fell silent can at least be deleted."""
    if run.sealed_at is not None:
        return
    silent = now - run.heard_at > timedelta(seconds=silent_after_s)
    if what == "deleted" and silent:
        return
    hint = "Wait until it ends, or stop its script."
    if silent:
        hint = "It fell silent: `trackrecord sync --gone` closes it on the machine where it ran."
    raise TrackrecordError("The run has not ended yet.", hint, status=409)


def _stands(session: Session, run: Run, other_id: str) -> None:
    """Whether the other run can count instead. This also keeps runs from superseding one another in circles."""
    if other_id == run.id:
        raise TrackrecordError("A run cannot supersede itself.", "Name the run that counts in its place.", status=422)
    other = session.get(Run, other_id, populate_existing=True)
    if other is None or other.project_id != run.project_id:
        said = f"There is no run {other_id} in {run.project_id}."
        raise TrackrecordError(said, "Name a run of the same project by its id.", status=404)
    if other.withdrawn:
        raise TrackrecordError(
            f"{other.name} does not stand itself: it was {other.withdrawn}.", "Name a run that stands.", status=409
        )


def _empty(session: Session, run: Run) -> None:
    """Remove what the run holds: report, parameters, points, files it names, remarks, findings, values on boards.

    What stays: the row with name, owner, times, commit, seed and digests, the digests of its batches, contradictions,
    receipts and entries of the log. They say that it was tried and what was vouched for, so that whoever has a copy
    of a receipt can check it; the value and files' names in them cannot be taken back. Its stored files can be fetched
    no more, unless another run names them too; their bytes stay in the store, since another run that just asked whether
    they are there may be about to name them.
    """
    series = sa.select(col(Series.id)).where(col(Series.run_id) == run.id)
    session.exec(delete(Chunk).where(col(Chunk.series_id).in_(series)))
    for table in (Series, Param, Dataset, Artifact, Prediction, Attachment, Attempt, Remark, Finding):
        session.execute(delete(table).where(col(table.run_id) == run.id))
    session.exec(sa.update(Batch).where(col(Batch.run_id) == run.id).values(tail=None))
    values = {"headline": None, "headline_step": None, "recomputed": None}
    session.exec(sa.update(Placing).where(col(Placing.run_id) == run.id).values(**values))
    run.report, run.finish = report_left(run), finish_left(run.finish)
    run.error = run.headline = run.headline_step = None


def _weight(what: str) -> int:
    return _WORSE.index(cast(Withdrawal, what)) if what else -1


def _name(session: Session, run_id: str | None) -> str | None:
    run = session.get(Run, run_id) if run_id is not None else None
    return run.name if run is not None else None

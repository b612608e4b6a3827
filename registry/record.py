"""Takes a report in: a run, its batches, its end. Repeating is always safe; other content under the same name is not.

Every function is handed a session whose transaction the edge opened, and says what became of the body: `kept` (new),
`again` (it was there already, byte for byte) or `other` (something else was there: nothing was changed, the evidence
is kept). On `other` the edge must let the transaction end well before it answers 409, or the evidence is lost.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import attempts, history, log
from registry.attachments import attach
from registry.find import near
from registry.params import config_digest, params_digest, searchable, seed_shown
from registry.tables import Artifact, Batch, Dataset, Param, Prediction, Project, Remark, Run
from registry.tokens import Caller
from trackrecord.errors import TrackrecordError
from trackrecord.report import BatchReport, FinishReport, RunReport

Kept = Literal["kept", "again", "other"]

LARGEST_SEQUENCE = 2**31 - 1
MOST_DECLARED = 20_000  # datasets, artifacts and notes, each, per run
LIVE = timedelta(minutes=10)  # what clocks and networks may differ by for a history that arrives while it happens


def open_run(session: Session, caller: Caller, run_id: str, report: RunReport, body: bytes, now: datetime) -> Kept:
    """Keep a new run.

    Raises TrackrecordError: 403 beyond the token, 404 no such project, 409 the id is another run's.
    """
    _may_write(caller, report.project)
    digest = _digest(body)
    there = session.get(Run, run_id)
    if there is not None:
        if (there.owner, there.project_id) != (caller.owner, report.project):
            raise TrackrecordError("This run id belongs to another run.", "Make a new run id.", status=409)
        return "again" if there.report_digest == digest else "other"
    if session.get(Project, report.project) is None:
        raise _no_project(session, caller, report.project)
    session.add(_new_run(caller, run_id, report, body, now))
    session.flush()
    session.add_all(
        Param(
            run_id=run_id,
            key=param.key,
            project_id=report.project,
            kind=param.kind,
            number=param.number,
            text=param.text,
        )
        for param in searchable(report.params)
    )
    attach(session, run_id, report)
    who = {"owner": caller.owner, "token": caller.token_id}
    log.append(session, "run_opened", now, run=run_id, project=report.project, **who, report=digest)
    return "kept"


def add_batch(
    session: Session,
    caller: Caller,
    run_id: str,
    writer: str,
    sequence: int,
    batch: BatchReport,
    body: bytes,
    now: datetime,
) -> Kept:
    """Keep a batch. Raises TrackrecordError: 404 no such run, 403 not this token's, 409 the run has ended, or an
    attempt was reported before with other content."""
    run = _own(session, caller, run_id)
    if run.sealed_at is not None and session.get(Batch, (run_id, writer, sequence)) is None:
        raise TrackrecordError(
            "The run has ended; nothing is added to it.", "Log to a new run, or send finish last.", status=409
        )
    kept = history.append(session, run, writer, sequence, _digest(body), batch, now)
    run.heard_at = now
    if kept == "kept":
        _declare(session, run_id, batch)
        attempts.keep(session, run, writer, batch.attempts, now)
    elif kept == "other" and run.sealed_at is not None:
        ask_again(session, run, now)
    return kept


def finish(session: Session, caller: Caller, run_id: str, report: FinishReport, body: bytes, now: datetime) -> Kept:
    """Seal the run and have it checked. Raises TrackrecordError: 404 no such run, 403 not this token's."""
    run = _own(session, caller, run_id)
    digest = _digest(body)
    run.heard_at = now
    if run.sealed_at is not None:
        return "again" if run.finish_digest == digest else "other"
    run.state = report.state
    run.error = report.error
    run.finished_at = _moment(report.finished_ms)
    run.finish = body.decode()
    run.finish_digest = digest
    run.sealed_at = now
    run.check_at = now
    # Measured by each clock for itself, so that a client's wrong clock is not taken for lateness.
    ran, watched = run.finished_at - run.started_at, now - run.received_at
    run.late = run.late or ran - watched > LIVE
    log.append(session, "run_finished", now, run=run_id, project=run.project_id, state=report.state, finish=digest)
    return "kept"


def ask_again(session: Session, run: Run, now: datetime) -> None:
    """Have the checks look at the run again, as soon as possible."""
    run.check_at = now
    session.add(run)


def _new_run(caller: Caller, run_id: str, report: RunReport, body: bytes, now: datetime) -> Run:
    started_at = _moment(report.started_ms)
    return Run(
        id=run_id,
        project_id=report.project,
        name=report.name,
        owner=caller.owner,
        token_id=caller.token_id,
        report=body.decode(),
        report_digest=_digest(body),
        params_digest=params_digest(report.params),
        config_digest=config_digest(report),
        commit_id=report.code.commit,
        tree=report.code.tree,
        dirty=report.code.dirty,
        seed=seed_shown(report),
        started_at=started_at,
        received_at=now,
        heard_at=now,
        late=now - started_at > LIVE,
    )


def _own(session: Session, caller: Caller, run_id: str) -> Run:
    """The caller's run, locked until the transaction ends: batches of one run are kept one after the other."""
    run = session.exec(select(Run).where(Run.id == run_id).with_for_update()).one_or_none()
    if run is None or not caller.may("reader", run.project_id):
        raise TrackrecordError("There is no such run.", "Send it first: PUT /api/v1/runs/{run_id}.", status=404)
    _may_write(caller, run.project_id)
    if run.owner != caller.owner:
        raise TrackrecordError("This run is somebody else's.", "Use the token of its owner.", status=403)
    if run.withdrawn == "deleted":
        raise TrackrecordError("The run was deleted; nothing is added to it.", "Make a new run.", status=409)
    return run


def _may_write(caller: Caller, project: str) -> None:
    if not caller.may("runner", project):
        raise TrackrecordError(
            "This token may not write to the project.", "Ask an admin for a runner's token for it.", status=403
        )


def _declare(session: Session, run_id: str, batch: BatchReport) -> None:
    """Datasets, artifacts, predictions and notes; said again of the same content, it replaces what was said."""
    for dataset in batch.datasets:
        session.merge(
            Dataset(
                run_id=run_id,
                name=dataset.name,
                digest=dataset.digest,
                split=dataset.split,
                size=dataset.size,
                count=dataset.count,
                partial=dataset.partial,
            )
        )
    for artifact in batch.artifacts:
        session.merge(
            Artifact(run_id=run_id, name=artifact.name, digest=artifact.digest, size=artifact.size, step=artifact.step)
        )
    for said in batch.predictions:
        row = Prediction(run_id=run_id, metric=said.metric, digest=said.digest, format=said.format, step=said.step)
        session.merge(row)
    for note in dict.fromkeys(batch.notes):
        session.merge(Remark(run_id=run_id, text=note))
    session.flush()
    counted = ((Dataset, "datasets"), (Artifact, "artifacts"), (Prediction, "predictions"), (Remark, "notes"))
    for table, what in counted:
        declared = session.exec(select(func.count()).select_from(table).where(col(table.run_id) == run_id)).one()
        if declared > MOST_DECLARED:
            raise TrackrecordError(f"A run has at most {MOST_DECLARED:,} {what}.", "Declare fewer.", status=413)


def _no_project(session: Session, caller: Caller, project: str) -> TrackrecordError:
    names = [name for name in session.exec(select(Project.id)).all() if caller.may("reader", name)]
    meant = near(project, names)
    hint = f"Did you mean {' or '.join(meant)}?" if meant else "A maintainer makes it: PUT /api/v1/projects/{project}."
    return TrackrecordError("There is no such project.", hint, status=404)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _moment(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)

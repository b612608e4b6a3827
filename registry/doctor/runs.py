"""Every run: what the log says of it, what its report says, and the sealed record made again from the rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import history, seal
from registry.bodies import read
from registry.doctor.found import Entry, Examined, each, entries, log_began, written
from registry.kept import report_of
from registry.packing import Points, together, unpack
from registry.params import config_digest, params_digest, searchable, seed_shown
from registry.record import LIVE
from registry.summary import Summary, kind_of, summarise
from registry.tables import (
    Artifact,
    Attachment,
    Attempt,
    Batch,
    Chunk,
    Dataset,
    Equivocation,
    Leaf,
    Param,
    Prediction,
    Remark,
    Run,
    Series,
)
from registry.tombstone import finish_left, left_digest, report_left
from trackrecord.report import FinishReport

Said = dict[str, list[Entry]]  # what the log says of one run, by kind
Judgements = Callable[[Session, Run, Said, Examined, str], None]

_MEANS = "What is shown of the run is not what was reported."
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SUMMED = [name for name in Summary.__dataclass_fields__ if name not in ("last", "last_kind")]


def all_of_them(session: Session, found: Examined, judgements: Judgements) -> None:
    """Each run with all that hangs on it; `judgements` looks at what was said about it afterwards."""
    began = log_began(session)
    for run in each(session, Run, col(Run.id)):
        found.count("runs")
        where = f"the run {run.name} ({run.id})"
        with found.looking(where):
            said: Said = defaultdict(list)
            for entry in entries(session, col(Leaf.run_id) == run.id):
                said[entry.kind].append(entry)
            _begun(run, said, began, found, where)
            _ended(session, run, said, found, where)
            if run.withdrawn == "deleted":
                _emptied(session, run, said, found, where)
            else:
                _reported(session, run, found, where)
                _sealed(session, run, found, where)
                _series(session, run, found, where)
            _contradicted(session, run, said, found, where)
            judgements(session, run, said, found, where)
    there = sa.exists().where(col(Run.id) == col(Leaf.run_id))
    for gone in session.exec(select(Leaf.run_id).where(Leaf.kind == "run_opened", ~there)):
        found.say(f"the run {gone}", "The log says that it began, and its row is gone.", "A try is not counted.")
    lost = select(Chunk.series_id).where(~sa.exists().where(col(Series.id) == col(Chunk.series_id)))
    for number in session.exec(lost.distinct()):
        found.say(f"series {number}", "It has points, and its row is gone.", _MEANS)


def _begun(run: Run, said: Said, began: str, found: Examined, where: str) -> None:
    """The first thing that the log says of it. A run from before there was a log has none."""
    received = written(run.received_at) or ""
    if not said["run_opened"]:
        if received >= began:
            found.say(where, "The log does not say that it began.", "Somebody may have put it there.")
        found.early += 1
        return
    kept = (run.owner, run.token_id, run.project_id, run.report_digest, received)
    logged = [entry.get("owner", "token", "project", "report", "at") for entry in said["run_opened"]]
    found.same(where, "How it began is not what the log says.", [kept], logged, _MEANS)


def _ended(session: Session, run: Run, said: Said, found: Examined, where: str) -> None:
    if said["run_opened"]:
        kept = [(run.state, run.finish_digest, written(run.sealed_at))] if run.sealed_at else []
        logged = [entry.get("state", "finish", "at") for entry in said["run_finished"]]
        found.same(where, "How it ended is not what the log says.", kept, logged, _MEANS)
    if run.sealed_at is None:
        kept_open = (run.state, run.error, run.finish, run.finish_digest, run.finished_at)
        found.same(where, "It goes on, and yet it has an end.", kept_open, ("running", None, None, None, None), _MEANS)
        late = run.received_at - run.started_at > LIVE
        found.same(where, "Whether it began late is not what its times say.", run.late, late, _MEANS)
    elif run.heard_at < run.received_at:
        found.say(where, "It was heard of before it began.", _MEANS)
    sealed: list[tuple[Any, ...]] = []
    if (run.sealed_leaf, run.record_digest) != (None, None):
        sealed.append((run.sealed_leaf, run.record_digest, seal.writers_digest(session, run)))
    in_log = [(entry.number, *entry.get("record", "writers")) for entry in said["run_sealed"]]
    found.same(where, "What was sealed of it is not what the log says.", sealed, in_log, _MEANS)


def _reported(session: Session, run: Run, found: Examined, where: str) -> None:
    """The columns that are searched by, against the report and the finish as they arrived."""
    report = report_of(run)
    kept: tuple[Any, ...] = (run.report_digest, run.name, run.project_id, run.params_digest, run.config_digest)
    kept += (run.commit_id, run.tree, run.dirty, run.seed, run.started_at)
    said: tuple[Any, ...] = (_digest(run.report), report.name, report.project, params_digest(report.params))
    said += (config_digest(report), report.code.commit, report.code.tree, report.code.dirty, seed_shown(report))
    found.same(where, "Its columns are not what its report says.", kept, (*said, _at(report.started_ms)), _MEANS)
    if run.finish is not None:
        end = read(run.finish.encode(), FinishReport)
        how = (run.finish_digest, run.state, run.error, run.finished_at)
        says = (_digest(run.finish), end.state, end.error, _at(end.finished_ms))
        found.same(where, "Its columns are not what its finish says.", how, says, _MEANS)
    rows = session.exec(select(Param).where(Param.run_id == run.id))
    params = sorted((row.key, row.project_id, row.kind, row.number, row.text) for row in rows)
    wanted = sorted((each.key, run.project_id, each.kind, each.number, each.text) for each in searchable(report.params))
    found.same(where, "Its parameters are not those of its report.", params, wanted, _MEANS)


def _sealed(session: Session, run: Run, found: Examined, where: str) -> None:
    if run.record_digest is None or run.sealed_at is None:
        return
    record = seal.digest_of(seal.record_of(session, run))
    found.same(where, "What is kept of it is not what was sealed.", record, run.record_digest, _MEANS)
    tails = select(Batch.sequence).where(Batch.run_id == run.id, col(Batch.tail).is_not(None))
    if session.exec(tails.limit(1)).first() is not None:
        found.say(where, "It has points that were put there after it was sealed.", _MEANS)


def _series(session: Session, run: Run, found: Examined, where: str) -> None:
    """The summary of each metric against its points; the chunks of each in their order."""
    rows = {row.metric: row for row in session.exec(select(Series).where(Series.run_id == run.id))}
    chunks: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    query = select(Chunk).join(Series, col(Series.id) == Chunk.series_id).where(Series.run_id == run.id)
    for chunk in session.exec(query.order_by(col(Chunk.series_id), col(Chunk.number))):
        chunks[chunk.series_id].append((chunk.number, chunk.points, len(unpack(chunk.packed)[""])))
    for metric, parts in history.everything(session, run.id):
        row, about = rows[metric], f"{where}, {metric}"
        found.same(about, "It is of another project than its run.", row.project_id, run.project_id, _MEANS)
        _summed(row, together(parts), found, about)
        of_metric = chunks[row.id or 0]
        if any((number, points) != (at, true) for at, (number, points, true) in enumerate(of_metric)):
            found.say(about, "Its points are not as they were put together.", _MEANS)


def _summed(row: Series, points: Points, found: Examined, where: str) -> None:
    if not len(points):
        return found.say(where, "Its points are gone.", _MEANS)
    made = summarise(points)
    kept = [getattr(row, name) for name in _SUMMED]
    found.same(where, "Its summary is not that of its points.", kept, [getattr(made, name) for name in _SUMMED], _MEANS)
    # Of points with the same step and time the one that came last counts, and how they came is not kept.
    ties = points.values[(points.steps == made.last_step) & (points.times == made.last_time)]
    could_be = {(kind_of(value), float(value) if np.isfinite(value) else None) for value in ties}
    if (row.last_kind, row.last) not in could_be:
        found.say(where, "Its last value is not that of its points.", _MEANS)
    return None


def _contradicted(session: Session, run: Run, said: Said, found: Examined, where: str) -> None:
    rows = session.exec(select(Equivocation).where(Equivocation.run_id == run.id))
    kept = sorted((row.writer, row.sequence, row.digest, written(row.received_at) or "") for row in rows)
    logged = sorted(entry.get("writer", "sequence", "digest", "at") for entry in said["equivocation"])
    if said["run_opened"]:
        means = "A contradiction is hidden, or made up."
        found.same(where, "Its contradictions are not those in the log.", kept, logged, means)


def _emptied(session: Session, run: Run, said: Said, found: Examined, where: str) -> None:
    """A deleted run: what is left says only what its row says, and everything else is gone."""
    left = (run.report, run.finish, run.error, run.headline, run.headline_step)
    wanted = (report_left(run), finish_left(run.finish), None, None, None)
    found.same(where, "It was deleted, and what is left of it is not what its row says.", left, wanted, _MEANS)
    logged = [entry.body.get("left") for entry in said["correction"] if entry.body.get("what") == "deleted"]
    found.same(where, "It was deleted, and its row says something else since.", [left_digest(run)], logged, _MEANS)
    for table in (Series, Param, Dataset, Artifact, Prediction, Attachment, Attempt, Remark):
        if session.exec(select(table.run_id).where(table.run_id == run.id).limit(1)).first() is not None:
            found.say(where, f"It was deleted, and there is something of it in {table.__tablename__}.", _MEANS)
    tails = select(Batch.sequence).where(Batch.run_id == run.id, col(Batch.tail).is_not(None))
    if session.exec(tails.limit(1)).first() is not None:
        found.say(where, "It was deleted, and has points.", _MEANS)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _at(milliseconds: int) -> datetime:
    return _BEGINNING + timedelta(milliseconds=milliseconds)

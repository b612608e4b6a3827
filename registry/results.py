"""Which runs a question is about, and the values of those that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from registry import history
from registry.asker import Asker
from registry.find import Unfound, near
from registry.kept import metric_facts, owners_of
from registry.numbers import clean, counted, listed
from registry.ranking import Result
from registry.tables import Dataset, MetricDefinition, Param, Project, Run, Series
from registry.words import Condition, Since
from trackrecord.errors import TrackrecordError

Clause = sa.ColumnElement[bool]


def scope(
    session: Session,
    asker: Asker,
    project: Project,
    *,
    since: Since | None = None,
    owner: str = "",
    where: Sequence[Condition] = (),
) -> list[Clause]:
    """The filters as clauses on Run. Raises TrackrecordError for an owner or a parameter that no run has."""
    clauses: list[Clause] = [col(Run.project_id) == project.id]
    if since is not None:
        clauses.append(col(Run.received_at) >= since.at)
    if owner:
        known = owners_of(session, project.id)
        if owner not in known:
            message = f'Nobody called "{clean(owner)}" has a run in {project.id}.'
            raise Unfound(message, owner, near(owner, known), otherwise=f"Owners: {listed(known, 8)}.")
        clauses.append(col(Run.owner) == owner)
    clauses.extend(_parameter(session, asker, project, condition) for condition in where)
    return clauses


def _parameter(session: Session, asker: Asker, project: Project, condition: Condition) -> Clause:
    query = sa.select(col(Param.key)).where(col(Param.project_id) == project.id).distinct()
    keys = list(session.execute(query).scalars())
    fits = [key for key in keys if key == condition.key] or [
        key for key in keys if key.lower().endswith(f".{condition.key.lower()}") or key.lower() == condition.key.lower()
    ]
    if len(fits) != 1:
        meant = fits or near(condition.key, keys)
        message = f'No run of {project.id} has a parameter "{clean(condition.key)}".'
        if len(fits) > 1:
            message = f'"{clean(condition.key)}" fits several parameters: {listed(sorted(fits))}.'
        better = f"{project.id} where={meant[0]}{condition.sign}{condition.value}" if meant else project.id
        raise TrackrecordError(message, f"Write: {asker.command('best', better)}", status=404)
    return col(Run.id).in_(
        sa.select(col(Param.run_id)).where(
            col(Param.project_id) == project.id, col(Param.key) == fits[0], _compares(condition)
        )
    )


def _compares(condition: Condition) -> Clause:
    number = col(Param.number)
    match condition.sign:
        case "<":
            return number < condition.number
        case "<=":
            return number <= condition.number
        case ">":
            return number > condition.number
        case ">=":
            return number >= condition.number
        case _:
            same = sa.func.lower(col(Param.text)) == condition.value.lower()
            equal = sa.or_(same, number == condition.number) if condition.number is not None else same
            return equal if condition.sign == "=" else sa.not_(sa.func.coalesce(equal, sa.false()))


def results(session: Session, metric: MetricDefinition, clauses: Sequence[Clause]) -> list[Result]:
    """The values that may rank: finished, verified runs with a finite value by this definition."""
    judged = [*clauses, col(Run.verdict) == "verified", col(Run.state) == "finished"]
    columns = [
        col(Run.id),
        col(Run.name),
        col(Run.headline),
        col(Run.headline_step),
        col(Run.owner),
        col(Run.config_digest),
        col(Run.seed),
        col(Run.commit_id),
        sa.func.coalesce(col(Run.sealed_at), col(Run.received_at)),
    ]
    if metric.main:
        judged += [col(Run.metric_id) == metric.id, col(Run.headline).is_not(None)]
        return [Result(*row) for row in session.execute(sa.select(*columns).where(*judged))]
    return [
        Result(row[0], row[1], value, step, *row[4:])
        for row in session.execute(sa.select(*columns).where(*judged, *_declares(metric)))
        for value, step in [history.headline(session, row[0], metric_facts(metric))]
        if value is not None
    ]


def _declares(metric: MetricDefinition) -> list[Clause]:
    """A metric that is not the main one: the run has it, and declares exactly the dataset that its definition names."""
    dataset = sa.select(col(Dataset.run_id)).where(
        col(Dataset.name) == metric.dataset,
        col(Dataset.digest) == metric.dataset_digest,
        sa.or_(col(Dataset.split) == metric.split, col(Dataset.split).is_(None)),
        col(Dataset.partial).is_(None),
    )
    series = sa.select(col(Series.run_id)).where(col(Series.metric) == metric.name)
    return [col(Run.id).in_(dataset), col(Run.id).in_(series)]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many runs there are, and what became of them."""

    total: int
    verified: int
    refuted: int
    failed: int
    killed: int
    running: int
    silent: int

    def __str__(self) -> str:
        """ "12 verified of 31 runs (3 failed, 1 killed, 2 running)"."""
        others = {word: getattr(self, word) for word in ("refuted", "failed", "killed", "running", "silent")}
        inside = ", ".join(f"{count:,} {word}" for word, count in others.items() if count)
        return f"{self.verified:,} verified of {counted(self.total, 'run')}" + (f" ({inside})" if inside else "")


def tally(session: Session, clauses: Sequence[Clause], asker: Asker, now: datetime) -> Tally:
    """Count the runs of a scope."""
    running = col(Run.state) == "running"
    silent = sa.and_(running, col(Run.heard_at) < now - timedelta(seconds=asker.silent_after_s))

    def count(clause: Clause) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((clause, 1), else_=0)), 0)

    columns = [
        sa.func.count(),
        count(sa.and_(col(Run.verdict) == "verified", col(Run.state) == "finished")),
        count(col(Run.verdict) == "refuted"),
        count(col(Run.state) == "failed"),
        count(col(Run.state) == "killed"),
        count(running),
        count(silent),
    ]
    total, verified, refuted, failed, killed, running_all, silent_all = session.execute(
        sa.select(*columns).where(*clauses)
    ).one()
    return Tally(total, verified, refuted, failed, killed, running_all - silent_all, silent_all)

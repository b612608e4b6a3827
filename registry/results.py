"""Which runs a question is about, and the values of those that count."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.find import Unfound, near
from registry.kept import owners_of
from registry.numbers import clean, counted, listed
from registry.ranking import Result
from registry.tables import MetricDefinition, Param, Placing, Project, Run
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
    shown = sa.select(col(Run.id)).where(col(Run.project_id) == project.id, col(Run.quarantined).is_(False))
    of_project = (col(Param.project_id) == project.id, col(Param.run_id).in_(shown))  # what is hidden cannot be guessed
    keys = list(session.execute(sa.select(col(Param.key)).where(*of_project).distinct()).scalars())
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
        sa.select(col(Param.run_id)).where(*of_project, col(Param.key) == fits[0], _compares(condition))
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


def results(session: Session, metric: MetricDefinition, clauses: Sequence[Clause] = ()) -> list[Result]:
    """The values that rank on this definition's board, current or of before, in no order."""
    return [Result(*row) for row in session.execute(placed(session, metric).where(*clauses))]


def placed(session: Session, metric: MetricDefinition) -> sa.Select[*tuple[Any, ...]]:
    """The rows that may rank on a board, with the columns of `Result` in their order.

    Verified by this very definition, ended well, not withdrawn, not hidden, at or above the project's minimum, and with
    a finite value. A run that any definition refutes ranks nowhere.
    """
    return (
        sa.select(
            col(Run.id),
            col(Run.name),
            col(Placing.headline),
            col(Placing.headline_step),
            col(Run.owner),
            col(Run.config_digest),
            col(Run.seed),
            col(Run.commit_id),
            sa.func.coalesce(col(Run.sealed_at), col(Run.received_at)),
        )
        .join(Placing, col(Placing.run_id) == col(Run.id))
        .where(
            col(Placing.metric_id) == metric.id,
            col(Placing.verdict) == "verified",
            _finite(col(Placing.headline)),
            col(Run.state) == "finished",
            col(Run.verdict) != "refuted",
            col(Run.withdrawn) == "",
            col(Run.quarantined).is_(False),
            *_minimum(session.get_one(Project, metric.project_id)),
        )
    )


def _finite(column: Any) -> Clause:
    """Between the least and the largest number: on either database no NULL, NaN, infinity or text is.

    The columns have a CHECK that says the same. A row that got around it must not lead a board for ever: PostgreSQL
    sorts NaN above every number, SQLite text.
    """
    return sa.and_(column >= -sys.float_info.max, column <= sys.float_info.max)


def _minimum(project: Project) -> list[Clause]:
    """What the project asks of a run beyond its verdict, as a clause."""
    match project.minimum:
        case "live":
            return [col(Run.live).is_(True)]
        case "recomputed":
            return [_finite(col(Placing.recomputed))]
        case _:
            return []


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
    superseded: int
    invalidated: int
    deleted: int

    def __str__(self) -> str:
        """ "12 verified of 31 runs (3 failed, 1 killed, 2 running)"."""
        others = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        inside = ", ".join(f"{count:,} {word}" for word, count in others.items() if count)
        return f"{self.verified:,} verified of {counted(self.total, 'run')}" + (f" ({inside})" if inside else "")


def tally(session: Session, clauses: Sequence[Clause], asker: Asker, now: datetime) -> Tally:
    """Count the runs of a scope. One that was withdrawn is counted by that word alone."""
    stands = col(Run.withdrawn) == ""
    running = sa.and_(stands, col(Run.state) == "running")
    silent = sa.and_(running, col(Run.heard_at) < now - timedelta(seconds=asker.silent_after_s))
    kinds = [
        sa.and_(stands, col(Run.verdict) == "verified", col(Run.state) == "finished"),
        sa.and_(stands, col(Run.verdict) == "refuted"),
        sa.and_(stands, col(Run.state) == "failed"),
        sa.and_(stands, col(Run.state) == "killed"),
        sa.and_(running, sa.not_(silent)),
        silent,
        *(col(Run.withdrawn) == word for word in ("superseded", "invalidated", "deleted")),
    ]
    columns = [sa.func.coalesce(sa.func.sum(sa.case((kind, 1), else_=0)), 0) for kind in kinds]
    return Tally(*session.execute(sa.select(sa.func.count(), *columns).where(*clauses)).one())

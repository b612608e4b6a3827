"""A project's rules: kept, changed and read. A changed metric is a new version; the old one stays, for its runs."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from registry.find import definitions
from registry.tables import MetricDefinition, Project, Run
from registry.tokens import Caller
from trackrecord.errors import TrackrecordError
from trackrecord.report import MetricRules, ProjectRules


def set_rules(session: Session, caller: Caller, name: str, rules: ProjectRules, now: datetime) -> bool:
    """Make the project or change its rules; True when it is new. Raises TrackrecordError (403) beyond the token.

    Runs that have ended are judged again where that can change something: by another metric, repository or branch.
    """
    if not caller.may("maintainer", name):
        raise TrackrecordError("This token may not set the project's rules.", "Ask a maintainer.", status=403)
    project = session.exec(select(Project).where(Project.id == name).with_for_update()).one_or_none()
    new = project is None
    if project is None:
        if caller.project is not None:
            raise TrackrecordError("There is no such project.", "An admin makes new projects.", status=404)
        project = Project(id=name, created_at=now)
    moved = (project.repository, project.allowed_refs) != (rules.repository, rules.allowed_refs)
    project.title, project.repository, project.allowed_refs = rules.title, rules.repository, list(rules.allowed_refs)
    session.add(project)
    session.flush()
    changed = _set_metrics(session, caller, name, rules.metrics, now)
    if (moved or changed) and not new:
        _judge_again(session, name, now)
    return new


def rules_of(session: Session, name: str) -> ProjectRules | None:
    """The rules as they stand, the main metric first; None when there is no such project."""
    project = session.get(Project, name)
    if project is None:
        return None
    return ProjectRules(
        title=project.title,
        repository=project.repository,
        allowed_refs=list(project.allowed_refs),
        metrics=[as_rules(metric) for metric in definitions(session, project)],
    )


def as_rules(row: MetricDefinition) -> MetricRules:
    """A definition in the shape it came in."""
    return MetricRules(**{field.name: getattr(row, field.name) for field in fields(MetricRules)})


def _set_metrics(session: Session, caller: Caller, name: str, wanted: list[MetricRules], now: datetime) -> bool:
    """Whether any definition changed, or another one is the main one."""
    rows = list(session.exec(select(MetricDefinition).where(MetricDefinition.project_id == name)))
    current = {row.name: row for row in rows if row.current}
    changed = False
    for row in current.values():
        if row.name not in {metric.name for metric in wanted}:
            row.current = row.main = False
            changed = True
    for number, metric in enumerate(wanted):
        standing = current.get(metric.name)
        if standing is None or as_rules(standing) != metric:
            if standing is not None:
                standing.current = standing.main = False
            standing = _version(rows, caller, name, metric, now)
            changed = True
        changed = changed or standing.main != (number == 0)
        standing.main = number == 0
        session.add(standing)
    return changed


def _version(
    rows: list[MetricDefinition], caller: Caller, name: str, metric: MetricRules, now: datetime
) -> MetricDefinition:
    last = max((row.version for row in rows if row.name == metric.name), default=0)
    return MetricDefinition(
        **asdict(metric), project_id=name, version=last + 1, created_at=now, created_by=caller.owner
    )


def _judge_again(session: Session, name: str, now: datetime) -> None:
    session.flush()
    ended = update(Run).where(col(Run.project_id) == name, col(Run.sealed_at).is_not(None))
    session.execute(ended.values(check_at=now).execution_options(synchronize_session=False))

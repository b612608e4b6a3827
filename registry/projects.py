"""A project's rules: kept, changed and read. A changed metric is a new version with a board of its own; the old ones
stay readable. Every change is in the log, with who made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, cast

import rfc8785
from sqlalchemy import update
from sqlmodel import Session, col, select

from registry import log
from registry.bodies import refused
from registry.checks import checks
from registry.find import definitions, near
from registry.numbers import listed
from registry.tables import MetricDefinition, Project, Run
from registry.tokens import Caller
from trackrecord.errors import TrackrecordError
from trackrecord.report import MetricRules, ProjectRules


def set_rules(session: Session, caller: Caller, name: str, rules: ProjectRules, now: datetime) -> bool:
    """Make the project or change its rules; True when it is new.

    Raises TrackrecordError: 403 beyond the token, 404 only an admin makes a project, 422 there is no such check.

    Runs that have ended are judged again where that can change something: by anything but the title.
    """
    if not caller.may("maintainer", name):
        raise TrackrecordError("This token may not set the project's rules.", "Ask a maintainer.", status=403)
    _known(rules.checks)
    project = session.exec(select(Project).where(Project.id == name).with_for_update()).one_or_none()
    new = project is None
    if project is None:
        if caller.project is not None:
            raise TrackrecordError("There is no such project.", "An admin makes new projects.", status=404)
        project = Project(id=name, created_at=now)
    before = _policy(project)
    project.title, project.repository, project.allowed_refs = rules.title, rules.repository, list(rules.allowed_refs)
    project.checks, project.dirty_trees, project.minimum = list(rules.checks), rules.dirty_trees, rules.minimum
    session.add(project)
    session.flush()
    changed, fresh = _set_metrics(session, caller, name, rules.metrics, now)
    if (before != _policy(project) or changed) and not new:
        _judge_again(session, name, now)
    _write_down(session, caller, project, fresh, now)
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
        checks=list(project.checks),
        dirty_trees=project.dirty_trees,
        minimum=cast(Any, project.minimum),
    )


def as_rules(row: MetricDefinition) -> MetricRules:
    """A definition in the shape it came in."""
    return MetricRules(**{field.name: getattr(row, field.name) for field in fields(MetricRules)})


def digest_of(rules: ProjectRules | MetricRules) -> str:
    """SHA-256 of the rules as RFC 8785 JSON: what the log and receipts name them by."""
    return hashlib.sha256(rfc8785.dumps(asdict(rules))).hexdigest()


def _known(names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name not in checks():
            meant = near(name, checks()) or sorted(checks())
            raise refused(f"checks.{number}", f"is no check that there is; perhaps {listed(meant, 20, 'or')}")


def _policy(project: Project) -> tuple[object, ...]:
    """What a verdict or a rank may depend on, beside the metrics."""
    return (
        project.repository,
        list(project.allowed_refs),
        list(project.checks),
        project.dirty_trees,
        project.minimum,
    )


def _set_metrics(
    session: Session, caller: Caller, name: str, wanted: list[MetricRules], now: datetime
) -> tuple[bool, list[MetricDefinition]]:
    """Whether any definition changed, or another one is the main one; and the new versions."""
    rows = list(session.exec(select(MetricDefinition).where(MetricDefinition.project_id == name)))
    current = {row.name: row for row in rows if row.current}
    changed, fresh = False, []
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
            fresh.append(standing)
        changed = changed or standing.main != (number == 0)
        standing.main = number == 0
        session.add(standing)
    return changed or bool(fresh), fresh


def _version(
    rows: list[MetricDefinition], caller: Caller, name: str, metric: MetricRules, now: datetime
) -> MetricDefinition:
    last = max((row.version for row in rows if row.name == metric.name), default=0)
    return MetricDefinition(
        **asdict(metric), project_id=name, version=last + 1, created_at=now, created_by=caller.owner
    )


def _judge_again(session: Session, name: str, now: datetime) -> None:
    session.flush()
    ended = update(Run).where(
        col(Run.project_id) == name, col(Run.sealed_at).is_not(None), col(Run.withdrawn) != "deleted"
    )
    session.execute(ended.values(check_at=now).execution_options(synchronize_session=False))


def _write_down(
    session: Session,
    caller: Caller,
    project: Project,
    fresh: Sequence[MetricDefinition],
    now: datetime,
) -> None:
    """Into the log: the rules where they are others than the log has, and every new version of a metric."""
    session.flush()
    rules = rules_of(session, project.id)
    assert rules is not None
    digest = digest_of(rules)
    if project.rules_digest != digest:
        project.rules_digest = digest
        session.add(project)
        log.append(session, "rules", now, project=project.id, by=caller.owner, rules=asdict(rules), digest=digest)
    for metric in fresh:
        log.append(
            session,
            "metric",
            now,
            project=project.id,
            by=caller.owner,
            name=metric.name,
            version=metric.version,
            number=metric.id,
            digest=digest_of(as_rules(metric)),
        )

"""What there is to ask about."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from registry.beginnings import no_project
from registry.find import definitions, visible_projects
from registry.numbers import clean, counted, listed, shown
from registry.ranking import leaders
from registry.results import results, scope, tally
from registry.tables import Project
from trackrecord.answer import Answer, FollowUp, Table


def projects(session: Session, asker: Asker, now: datetime) -> Answer:
    """Every project with its metric, its best verified value and how many runs it has."""
    found = visible_projects(session, asker)
    if not found:
        return no_project()
    rows = tuple(_row(session, asker, project, now) for project in found)
    return Answer(
        title=counted(len(found), "project"),
        text=f"{counted(len(found), 'project')}: {listed([project.id for project in found], 8)}.",
        parts=(
            Table(
                ("project", "title", "metric", "best verified", "by", "runs", "verified"),
                rows,
                align=("left", "left", "left", "right", "left", "right", "right"),
            ),
        ),
        follow_ups=tuple(FollowUp(f"Best of {project.id}", "best", project.id) for project in found[:5]),
    )


def _row(session: Session, asker: Asker, project: Project, now: datetime) -> tuple[str, ...]:
    clauses = scope(session, asker, project)
    seen = tally(session, clauses, asker, now)
    metric = next(iter(definitions(session, project)), None)
    best, by = "none yet", ""
    if metric is not None:
        first = leaders(results(session, metric, clauses), metric.direction, metric.tolerance, 1)
        if first:
            best = shown(first[0].value, metric.percent, metric.decimals)
            by = f"{clean(first[0].name, 40)} ({first[0].owner})"
    name = metric.name if metric else "none defined"
    return (project.id, clean(project.title, 60), name, best, by, str(seen.total), str(seen.verified))

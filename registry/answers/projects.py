"""What there is to ask about."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from registry.beginnings import no_project
from registry.find import definitions, visible_projects
from registry.numbers import clean, counted, listed, read, short
from registry.ranking import leaders
from registry.results import results, scope, tally
from registry.tables import MetricDefinition, Project
from trackrecord.answer import Answer, FollowUp, Table

_ROWS = 25  # of the tables about metrics and rules
_MINIMUM = {
    "verified": "verified runs",
    "live": "verified runs whose history arrived live",
    "recomputed": "verified runs whose value the registry computed itself",
}


def projects(session: Session, asker: Asker, now: datetime) -> Answer:
    """Every project with its metrics, its rules, its best verified value and how many runs it has."""
    found = visible_projects(session, asker)
    if not found:
        return no_project()
    rows = tuple(_row(session, asker, project, now) for project in found)
    metrics = [_metric(project, metric) for project in found for metric in definitions(session, project)]
    rules = [_rules(project) for project in found]
    return Answer(
        title=counted(len(found), "project"),
        text=f"{counted(len(found), 'project')}: {listed([project.id for project in found], 8)}.",
        parts=(
            Table(
                ("project", "title", "metric", "best verified", "by", "runs", "verified"),
                rows,
                align=("left", "left", "left", "right", "left", "right", "right"),
            ),
            Table(
                ("metric", "project", "version", "measured on", "counts"),
                tuple(metrics[:_ROWS]),
                title="Metrics",
                align=("left", "left", "right", "left", "left"),
                cut=max(0, len(metrics) - _ROWS),
            ),
            Table(
                ("project", "ranks", "uncommitted changes", "checks"),
                tuple(rules[:_ROWS]),
                title="Rules",
                cut=max(0, len(rules) - _ROWS),
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
            best = read(first[0].value, metric)
            by = f"{clean(first[0].name, 40)} ({first[0].owner})"
    name = metric.name if metric else "none defined"
    return (project.id, clean(project.title, 60), name, best, by, str(seen.total), str(seen.verified))


def _metric(project: Project, metric: MetricDefinition) -> tuple[str, ...]:
    rule = {"last": "last value", "best": "best value", "at_best_of": f"at the best {metric.rule_metric}"}[metric.rule]
    unit = "percent" if metric.percent else metric.unit
    counts = ", ".join(each for each in (rule, f"{metric.direction} is better", clean(unit, 16)) if each)
    data = f"{clean(metric.dataset, 40)} {short(metric.dataset_digest)}, {clean(metric.split, 20)} split"
    return (metric.name, project.id, str(metric.version), data, counts)


def _rules(project: Project) -> tuple[str, ...]:
    trees = "rebuilt and allowed" if project.dirty_trees else "not verified"
    checks = listed([name.replace("_", " ") for name in sorted(project.checks)], 4) if project.checks else "every one"
    return (project.id, _MINIMUM.get(project.minimum, clean(project.minimum, 40)), trees, checks)

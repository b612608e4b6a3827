"""Reads back what is kept of a run: its report, findings, parameters and siblings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from registry.badges import Badge, badges
from registry.corrections import corrections_of, counts_instead
from registry.facts import MetricFacts
from registry.numbers import clean, read
from registry.standing import Known
from registry.tables import (
    Artifact,
    Dataset,
    Finding,
    MetricDefinition,
    Param,
    Placing,
    Prediction,
    Project,
    Remark,
    Run,
    Series,
)
from trackrecord.report import PredictionsReport, RunReport

# Of several findings, the one that explains the others comes first: without the metric there is no headline either.
_TELLING = ("metric_as_defined", "data_pinned", "headline_recomputed", "commit_reachable", "tree_rebuilt")


@cache
def _shape() -> TypeAdapter[RunReport]:
    return TypeAdapter(RunReport)


def report_of(run: Run) -> RunReport:
    """The report as it arrived."""
    return _shape().validate_json(run.report)


def findings_of(session: Session, runs: Sequence[str]) -> dict[str, list[Finding]]:
    """What the checks said last, by run; what the project asks for first, and of that what explains most."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in session.exec(select(Finding).where(col(Finding.run_id).in_(runs))):
        found[finding.run_id].append(finding)
    for each in found.values():
        each.sort(key=_most_telling)
    return found


def _most_telling(finding: Finding) -> tuple[bool, bool, int, int, str]:
    name = finding.check_name
    place = _TELLING.index(name) if name in _TELLING else len(_TELLING)
    outcome = ("fail", "unknown", "pass").index(finding.outcome)
    return (not finding.asked, not finding.refutes, outcome, place, name)


def known_of(session: Session, runs: Sequence[Run]) -> dict[str, Known]:
    """What is to be known about each of the runs to say where it stands, by its id."""
    ids = [run.id for run in runs]
    findings, said = findings_of(session, ids), corrections_of(session, ids)
    placings: dict[str, dict[int | None, Placing]] = defaultdict(dict)
    for row in session.exec(select(Placing).where(col(Placing.run_id).in_(ids))):
        placings[row.run_id][row.metric_id] = row
    known = {}
    for run in runs:
        other = counts_instead(session, run.id) if run.withdrawn == "superseded" else None
        known[run.id] = Known(
            findings=tuple(findings.get(run.id, ())),
            said=next(iter(said.get(run.id, ())), None),
            instead=clean(other.name, 40) if other is not None else "",
            judged=session.get(MetricDefinition, run.metric_id) if run.metric_id is not None else None,
            placings=placings.get(run.id, {}),
            minimum=session.get_one(Project, run.project_id).minimum,
        )
    return known


def badges_of(run: Run, metric: MetricDefinition | None, known: Known) -> tuple[Badge, ...]:
    """What is said beside its verdict on the board of this definition."""
    place = known.place(metric)
    own = place.recomputed if place is not None else None
    return badges(live=run.live, recomputed=read(own, metric) if own is not None and metric is not None else "")


def params_of(session: Session, runs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Flat parameters as text, by run, in alphabetical order. Of a run whose content is hidden there are none."""
    found: dict[str, dict[str, str]] = {run: {} for run in runs}
    shown = select(Run.id).where(col(Run.id).in_(runs), col(Run.quarantined).is_(False))
    query = select(Param).where(col(Param.run_id).in_(shown)).order_by(col(Param.key))
    for param in session.exec(query):
        text = param.text if param.text is not None else ("" if param.number is None else f"{param.number:g}")
        found[param.run_id][param.key] = clean(text, 200)
    return found


def series_of(session: Session, runs: Sequence[str]) -> dict[str, dict[str, Series]]:
    """The summaries of every metric, by run and metric name."""
    found: dict[str, dict[str, Series]] = {run: {} for run in runs}
    for series in session.exec(select(Series).where(col(Series.run_id).in_(runs)).order_by(col(Series.metric))):
        found[series.run_id][series.metric] = series
    return found


def datasets_of(session: Session, run: str) -> list[Dataset]:
    return list(session.exec(select(Dataset).where(Dataset.run_id == run).order_by(col(Dataset.name))))


def artifacts_of(session: Session, run: str) -> list[Artifact]:
    return list(session.exec(select(Artifact).where(Artifact.run_id == run).order_by(col(Artifact.name))))


def predictions_of(session: Session, run: str) -> list[PredictionsReport]:
    """As the run declared them."""
    rows = session.exec(select(Prediction).where(Prediction.run_id == run).order_by(col(Prediction.digest)))
    return [
        PredictionsReport(metric=row.metric, digest=row.digest, format=cast(Any, row.format), step=row.step)
        for row in rows
    ]


def remarks_of(session: Session, run: str) -> list[str]:
    return list(session.exec(select(Remark.text).where(Remark.run_id == run).order_by(col(Remark.text))))


def metric_facts(metric: MetricDefinition) -> MetricFacts:
    """The definition as the pure files read it."""
    return MetricFacts(
        name=metric.name,
        split=metric.split,
        dataset=metric.dataset,
        dataset_digest=metric.dataset_digest,
        direction=cast(Any, metric.direction),
        rule=cast(Any, metric.rule),
        rule_metric=metric.rule_metric,
        decimals=metric.decimals,
        percent=metric.percent,
        margin=metric.margin,
        tolerance=metric.tolerance,
        unit=metric.unit,
        evaluator=metric.evaluator,
        evaluator_digest=metric.evaluator_digest,
        measure=metric.measure,
        labels=metric.labels,
    )


def owners_of(session: Session, project: str) -> list[str]:
    query = sa.select(col(Run.owner)).where(col(Run.project_id) == project).distinct()
    return sorted(session.execute(query).scalars())


def headline_metric(session: Session, run: Run) -> MetricDefinition | None:
    """The definition that the run was judged by; before that, the project's main one."""
    if run.metric_id is not None:
        return session.get(MetricDefinition, run.metric_id)
    query = select(MetricDefinition).where(
        MetricDefinition.project_id == run.project_id,
        col(MetricDefinition.current).is_(True),
        col(MetricDefinition.main).is_(True),
    )
    return session.exec(query).first()

"""Judges a run that was looked at, by each definition of its project: facts in, findings and verdict out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlmodel import Session

from registry import corrections, history, receipts, seal
from registry.attempts import attempts_of
from registry.checks import asked, judge
from registry.facts import (
    ArtifactFacts,
    AttemptFacts,
    CodeFacts,
    DatasetFacts,
    Facts,
    Finding,
    PolicyFacts,
    RecomputedFacts,
    Verdict,
    verdict,
)
from registry.find import definitions
from registry.kept import artifacts_of, datasets_of, metric_facts, report_of
from registry.keys import Keys
from registry.params import params_digest
from registry.tables import MetricDefinition, Project, Run, Token
from registry.tokens import could_write
from trackrecord.report import RunReport


@dataclass(frozen=True, slots=True)
class Seen:
    """What git said, what is in the store (size and intactness by digest; size None: it is not there), where secrets
    stand, how large the patch is, and by metric definition what the run's predictions come to.
    """

    code: CodeFacts
    stored: Mapping[str, tuple[int | None, bool]]
    secrets: tuple[str, ...]
    patch_bytes: int | None  # None: the report names one, and it is not at hand
    recomputed: Mapping[int, RecomputedFacts]


@dataclass(frozen=True, slots=True)
class Judged:
    """A run by one definition of a metric; `metric` None: the project defines none."""

    metric: MetricDefinition | None
    facts: Facts
    findings: dict[str, Finding]
    asked: frozenset[str]  # the checks that count by the project's rules
    verdict: Verdict

    @property
    def headline(self) -> tuple[float | None, int | None]:
        series = self.facts.series.get(self.metric.name) if self.metric else None
        return (series.headline, series.headline_step) if series else (None, None)


def by_each_definition(
    session: Session, keys: Keys, project: Project, run: Run, seen: Seen, record: bytes | None, now: datetime
) -> list[Judged]:
    """The run by every current definition, the main one first; one judgement without where there is none.

    `record` is the sealed one, None while the run goes on.
    """
    report = report_of(run)
    common = _facts(session, keys, project, run, report, seen, record, now)
    boards: list[MetricDefinition | None] = [*definitions(session, project)]
    return [_by(session, run, report, common, metric, seen) for metric in boards or [None]]


def _by(
    session: Session, run: Run, report: RunReport, common: Facts, metric: MetricDefinition | None, seen: Seen
) -> Judged:
    judged_by = metric_facts(metric) if metric else None
    facts = replace(
        common,
        metric=judged_by,
        series=history.series_facts(session, run.id, judged_by),
        recomputed=seen.recomputed.get(metric.id) if metric and metric.id is not None else None,
    )
    findings = judge(report, facts)
    counting = asked(facts.policy)
    return Judged(
        metric, facts, findings, counting, verdict(found for name, found in findings.items() if name in counting)
    )


def _facts(
    session: Session,
    keys: Keys,
    project: Project,
    run: Run,
    report: RunReport,
    seen: Seen,
    record: bytes | None,
    now: datetime,
) -> Facts:
    """What does not depend on the metric."""
    token = session.get_one(Token, run.token_id)
    return Facts(
        owner=run.owner,
        writer_may=could_write(token, run.project_id, run.received_at),
        code=seen.code,
        history=history.facts(session, run),
        series={},
        datasets=tuple(
            DatasetFacts(dataset.name, dataset.split, dataset.digest, dataset.partial)
            for dataset in datasets_of(session, run.id)
        ),
        artifacts=tuple(
            ArtifactFacts(
                artifact.name, artifact.digest, artifact.size, *seen.stored.get(artifact.digest, (None, False))
            )
            for artifact in artifacts_of(session, run.id)
        ),
        metric=None,
        params_digest_holds=params_digest(report.params) == run.params_digest,
        policy=_policy(project),
        secrets=seen.secrets,
        patch_bytes=seen.patch_bytes,
        seal=seal.facts(session, keys, run, record, now),
        corrections=corrections.facts(session, run.id),
        live=not run.late,
        attempts=tuple(AttemptFacts(each.number, each.report) for each in attempts_of(session, run.id)),
        reachable_at=receipts.reachable_at(session, run.id) if not seen.code.refs else None,
    )


def _policy(project: Project) -> PolicyFacts:
    return PolicyFacts(tuple(project.checks), project.dirty_trees, cast(Any, project.minimum))

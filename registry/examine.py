"""Looks at runs that are due and judges them: claim, look outside any transaction, then keep everything in one.

Whoever dies in between leaves a claim that runs out, and the next one begins anew: nothing is kept by halves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select

from registry import git, history
from registry.artifacts import Store
from registry.checks import judge
from registry.db import reading
from registry.facts import ArtifactFacts, CodeFacts, DatasetFacts, Facts, Finding, Verdict, verdict
from registry.find import definitions
from registry.kept import artifacts_of, datasets_of, metric_facts, report_of
from registry.new_record import owe_if_best
from registry.params import params_digest
from registry.retry import kept
from registry.settings import Settings
from registry.tables import Artifact, MetricDefinition, Project, Run, Token
from registry.tables import Finding as FindingRow
from registry.tokens import could_write
from trackrecord.report import RunReport

LEASE = timedelta(minutes=10)  # longer than a look takes: a few git commands, each with its time limit
_SLOWEST_DISK = 50_000_000  # bytes a second: what a run declared is read again, and the claim must not run out before
_MOST_AT_ONCE = 20  # runs in one tick, so that a stop is not kept waiting
_LONGEST_WAIT = timedelta(days=1)
_LOOKED_AT_FOR = timedelta(days=90)
_MOST_PATCH_BYTES = 100_000_000

# Checks whose failure may pass without a word from the script: a commit is pushed later, a file arrives later.
_OF_THE_WORLD = frozenset(("commit_reachable", "tree_rebuilt", "artifacts_intact"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is ours to look at until the claim runs out."""

    run_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What git said, and what is in the store: size and intactness by digest (size None: it is not there)."""

    code: CodeFacts
    stored: dict[str, tuple[int | None, bool]]


def examine_due(engine: sa.Engine, store: Store, settings: Settings, now: datetime) -> int:
    """Look at the runs that are due, judge them, keep what was found; how many there were."""
    for done in range(_MOST_AT_ONCE):
        claimed = kept(engine, lambda session: claim(session, now))
        if claimed is None:
            return done
        examine(engine, store, settings, claimed, now)
    return _MOST_AT_ONCE


def examine(engine: sa.Engine, store: Store, settings: Settings, claimed: Claimed, now: datetime) -> None:
    """The look at one claimed run, and what follows from it."""
    seen = look(engine, store, settings, claimed.run_id)
    kept(engine, lambda session: keep(session, claimed, seen, settings.recheck_s, now))


def claim(session: Session, now: datetime) -> Claimed | None:
    """Take one run that is due. The UPDATE decides between two schedules, not the SELECT."""
    due = col(Run.check_at) <= now
    for _ in range(8):
        run_id = session.exec(select(Run.id).where(due).order_by(col(Run.check_at), col(Run.id)).limit(1)).first()
        if run_id is None:
            return None
        until = now + LEASE + _reading_takes(session, run_id)
        taking = sa.update(Run).where(col(Run.id) == run_id, due).values(check_at=until)
        if session.execute(taking.execution_options(synchronize_session=False)).rowcount == 1:  # type: ignore[attr-defined]
            return Claimed(run_id, until)
    return None


def _reading_takes(session: Session, run_id: str) -> timedelta:
    total = sa.func.sum(sa.cast(Artifact.size, sa.Double))  # as a float: whole numbers of strangers overflow
    declared = session.exec(select(total).where(Artifact.run_id == run_id)).one()
    return timedelta(seconds=min(float(declared or 0) / _SLOWEST_DISK, _LONGEST_WAIT.total_seconds()))


def look(engine: sa.Engine, store: Store, settings: Settings, run_id: str) -> Seen:
    """Ask git and the store, with no transaction open meanwhile."""
    with reading(engine) as session:
        run = session.get_one(Run, run_id)
        project = session.get_one(Project, run.project_id)
        repository, allowed_refs = project.repository, list(project.allowed_refs)
        mirror = _mirror(settings.data_dir, project)
        report = report_of(run)
        digests = {artifact.digest for artifact in artifacts_of(session, run_id)}
    code = report.code
    facts = git.look(
        code,
        repository=repository,
        mirror=mirror,
        allowed_refs=allowed_refs,
        patch=store.read(code.patch, _MOST_PATCH_BYTES) if code.patch else None,
        bundle=store.path(code.bundle) if code.bundle else None,
        entry=report.command.entry,
        protocols=settings.git_protocols,
        timeout_s=settings.git_timeout_s,
    )
    return Seen(facts, {digest: (store.size(digest), store.intact(digest)) for digest in sorted(digests)})


def keep(session: Session, claimed: Claimed, seen: Seen, recheck_s: int, now: datetime) -> Verdict | None:
    """Findings, verdict, headline and what is owed, all or nothing. None where the claim is not ours any more."""
    project_id = session.exec(select(Run.project_id).where(Run.id == claimed.run_id)).one()
    # One verdict of a project after the other: two new bests at once must each see the other.
    project = session.exec(select(Project).where(Project.id == project_id).with_for_update()).one()
    run = session.exec(select(Run).where(Run.id == claimed.run_id).with_for_update()).one()
    if run.check_at != claimed.until:
        return None  # somebody asked for another look meanwhile, or took over: theirs counts
    if run.sealed_at is not None:
        history.compact(session, run.id)
    report = report_of(run)
    metric = next((row for row in definitions(session, project) if row.main), None)
    facts = _facts(session, run, report, metric, seen)
    findings = judge(report, facts)
    before, run.verdict = run.verdict, verdict(findings.values())
    _keep_findings(session, run.id, findings, now)
    _keep_headline(run, metric, facts)
    run.checked_at = now
    run.check_at = next_look(findings, run, recheck_s, now)
    session.add(run)
    session.flush()
    if run.verdict == "verified" and before != "verified" and metric is not None:
        owe_if_best(session, run, metric, now)
    return verdict(findings.values())


def next_look(findings: dict[str, Finding], run: Run, recheck_s: int, now: datetime) -> datetime | None:
    """When looking again may change something: soon at first, daily at last. None: it would not."""
    waits = any(
        finding.outcome == "unknown" or (finding.outcome == "fail" and name in _OF_THE_WORLD)
        for name, finding in findings.items()
    )
    age = now - (run.sealed_at or run.received_at)
    if not waits or run.verdict != "unverified" or age > _LOOKED_AT_FOR:
        return None
    return now + min(max(timedelta(seconds=recheck_s), age / 2), _LONGEST_WAIT)


def _facts(session: Session, run: Run, report: RunReport, metric: MetricDefinition | None, seen: Seen) -> Facts:
    token = session.get_one(Token, run.token_id)
    judged_by = metric_facts(metric) if metric is not None else None
    return Facts(
        owner=run.owner,
        writer_may=could_write(token, run.project_id, run.received_at),
        code=seen.code,
        history=history.facts(session, run),
        series=history.series_facts(session, run.id, judged_by),
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
        metric=judged_by,
        params_digest_holds=params_digest(report.params) == run.params_digest,
    )


def _keep_findings(session: Session, run_id: str, findings: dict[str, Finding], now: datetime) -> None:
    session.exec(delete(FindingRow).where(col(FindingRow.run_id) == run_id))
    for name, finding in findings.items():
        session.add(
            FindingRow(
                run_id=run_id,
                check_name=name,
                outcome=finding.outcome,
                refutes=finding.refutes,
                reason=finding.reason,
                mend=finding.mend,
                at=now,
            )
        )


def _keep_headline(run: Run, metric: MetricDefinition | None, facts: Facts) -> None:
    series = facts.series.get(metric.name) if metric is not None else None
    run.metric_id = metric.id if metric is not None else None
    run.headline = series.headline if series else None
    run.headline_step = series.headline_step if series else None


def _mirror(data_dir: Path, project: Project) -> Path:
    """A mirror for every address: another address is another mirror."""
    return data_dir / "mirrors" / f"{project.id}-{hashlib.sha256(project.repository.encode()).hexdigest()[:12]}.git"

"""Looks at runs that are due: claim, look outside any transaction, then have everything kept in one.

Whoever dies in between leaves a claim that runs out, and the next one begins anew: nothing is kept by halves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import git, keys, leaks, predictions
from registry.artifacts import Store
from registry.attempts import attempts_of
from registry.db import reading
from registry.facts import MetricFacts, RecomputedFacts
from registry.find import definitions
from registry.judging import Seen
from registry.keeping import Claimed, keep
from registry.kept import artifacts_of, metric_facts, predictions_of, report_of
from registry.retry import kept
from registry.settings import Settings
from registry.tables import Artifact, Project, Run
from trackrecord.report import AttemptReport, PredictionsReport, RunReport

LEASE = timedelta(minutes=10)  # longer than a look takes: a few git commands, each with its time limit
_SLOWEST_DISK = 50_000_000  # bytes a second: what a run declared is read again, and the claim must not run out before
_MOST_AT_ONCE = 20  # runs in one tick, so that a stop is not kept waiting
_LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _ToLookAt:
    """What one read of the database says about where to look."""

    report: RunReport
    attempts: list[AttemptReport]
    repository: str
    allowed_refs: list[str]
    mirror: str  # the name of its folder
    metrics: dict[int, MetricFacts]  # the current definitions
    predictions: list[PredictionsReport]
    digests: list[str]  # of the artifacts


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
    signing = keys.load(settings.data_dir / "keys")  # each time: somebody may have rotated them meanwhile
    kept(engine, lambda session: keep(session, claimed, seen, signing, settings, now))


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


def look(engine: sa.Engine, store: Store, settings: Settings, run_id: str) -> Seen | None:
    """Ask git and the store, with no transaction open meanwhile. None: the run was deleted, nothing is left of it."""
    with reading(engine) as session:
        run = session.get_one(Run, run_id)
        if run.withdrawn == "deleted":
            return None
        at = _where(session, run)
    code = at.report.code
    patch, patch_bytes = _patch(store, code.patch)
    facts = git.look(
        code,
        repository=at.repository,
        mirror=settings.data_dir / "mirrors" / at.mirror,
        allowed_refs=at.allowed_refs,
        patch=patch,
        bundle=store.path(code.bundle) if code.bundle else None,
        entry=at.report.command.entry,
        configs=at.report.command.configs,
        evaluators=sorted({metric.evaluator for metric in at.metrics.values() if metric.evaluator is not None}),
        protocols=settings.git_protocols,
        timeout_s=settings.git_timeout_s,
    )
    if patch is None and patch_bytes:  # git was handed none: that is another thing than one that is not here
        facts = replace(facts, rebuild_trouble=f"the patch is larger than {git.MOST_PATCH_BYTES // 1_000_000} MB")
    others, others_bytes = _other_patches(store, at)
    return Seen(
        code=facts,
        stored={digest: (store.size(digest), store.intact(digest)) for digest in at.digests},
        secrets=leaks.secrets_in(at.report, patch, at.attempts, others),
        patch_bytes=None if patch_bytes is None or others_bytes is None else patch_bytes + others_bytes,
        recomputed=_recomputed(store, at),
    )


def _patch(store: Store, digest: str | None) -> tuple[bytes | None, int | None]:
    """The patch and its size. One that is too large is not read; the size None: it is not here, or not intact."""
    if not digest:
        return None, 0
    patch, size = store.read(digest, git.MOST_PATCH_BYTES), store.size(digest)
    too_large = size is not None and size > git.MOST_PATCH_BYTES
    return patch, size if patch is not None or too_large else None


def _other_patches(store: Store, at: _ToLookAt) -> tuple[dict[str, bytes], int | None]:
    """The patches of further starts and of submodules, and the size of all; None: one is not here, or not intact.

    They are looked through for secrets only, and together as far as one patch is.
    """
    found: dict[str, bytes] = {}
    total, here = 0, True
    codes = [at.report.code, *(each.report.code for each in at.attempts)]
    inner = (each.patch for code in codes for each in code.submodules)
    named = {*(code.patch for code in codes), *inner} - {at.report.code.patch, None}
    for digest in sorted(filter(None, named)):
        size = store.size(digest)
        total += size or 0
        if total > leaks.MOST_READ:
            break
        patch = store.read(digest, leaks.MOST_READ)
        here = here and patch is not None
        if patch is not None:
            found[digest] = patch
    return found, total if here else None


def _where(session: Session, run: Run) -> _ToLookAt:
    project = session.get_one(Project, run.project_id)
    metrics = {row.id: metric_facts(row) for row in definitions(session, project) if row.id is not None}
    return _ToLookAt(
        report=report_of(run),
        attempts=attempts_of(session, run.id),
        repository=project.repository,
        allowed_refs=list(project.allowed_refs),
        mirror=_mirror(project),
        metrics=metrics,
        predictions=predictions_of(session, run.id),
        digests=sorted({artifact.digest for artifact in artifacts_of(session, run.id)}),
    )


def _recomputed(store: Store, at: _ToLookAt) -> dict[int, RecomputedFacts]:
    """By definition: its value from the run's predictions, where the project has labels. The latest step's count."""
    found = {}
    for number, metric in at.metrics.items():
        handed_in = [row for row in at.predictions if row.metric == metric.name]
        if metric.labels is not None and metric.measure is not None and handed_in:
            last = max(handed_in, key=lambda row: (row.step is None, row.step or 0))
            found[number] = predictions.recompute(store, metric, last.digest, last.format, last.step)
    return found


def _mirror(project: Project) -> str:
    """A mirror for every address: another address is another mirror."""
    return f"{project.id}-{hashlib.sha256(project.repository.encode()).hexdigest()[:12]}.git"

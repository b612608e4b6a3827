"""Keeps a judgement and all that follows from it in one transaction: seal, findings, verdict, places on boards,
receipt, what is owed. All of it or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select

from registry import history, outbox, receipts, seal
from registry.badges import agrees
from registry.facts import Finding, Verdict
from registry.judging import Judged, Seen, by_each_definition
from registry.kept import report_of
from registry.keys import Keys, publish
from registry.new_record import owe_if_best, told_of
from registry.settings import Settings
from registry.statements import decimal
from registry.tables import Finding as FindingRow
from registry.tables import MetricDefinition, Placing, Project, Run

_LONGEST_WAIT = timedelta(days=1)
_LOOKED_AT_FOR = timedelta(days=90)
_NIGHTLY = 25  # the first places of a board are looked at every day

# Checks whose failure may pass without a word from the script: a commit is pushed later, a file arrives later.
_OF_THE_WORLD = frozenset(("commit_reachable", "tree_rebuilt", "entry_in_tree", "artifacts_intact"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is ours to look at until the claim runs out."""

    run_id: str
    until: datetime


def keep(
    session: Session, claimed: Claimed, seen: Seen | None, keys: Keys, settings: Settings, now: datetime
) -> Verdict | None:
    """Judge and keep. None where the claim is not ours any more. `seen` None: the run was deleted meanwhile."""
    project_id = session.exec(select(Run.project_id).where(Run.id == claimed.run_id)).one()
    # One verdict of a project after the other: two new bests at once must each see the other.
    project = session.exec(select(Project).where(Project.id == project_id).with_for_update()).one()
    run = session.exec(select(Run).where(Run.id == claimed.run_id).with_for_update()).one()
    if run.check_at != claimed.until:
        return None  # somebody asked for another look meanwhile, or took over: theirs counts
    if seen is None or run.withdrawn == "deleted":
        return _keep_tombstone(session, run, now)
    keys = publish(session, keys, now)  # another process may have rotated them
    record = _sealed(session, run, now)
    boards = by_each_definition(session, keys, project, run, seen, record, now)
    main = boards[0]
    before, run.verdict = run.verdict, main.verdict
    _keep_findings(session, run.id, main, now)
    _keep_on_run(session, run, main, now)
    for each in boards:
        _keep_placing(session, run, each, now)
    run.check_at = _next_look(session, run, main, settings.recheck_s, now)
    session.flush()
    if record is not None:
        _keep_receipt(session, keys, settings, run, record, boards, now)
    _owe(session, run, main, before, timedelta(seconds=settings.new_best_every_s), now)
    return main.verdict


def next_look(findings: Mapping[str, Finding], run: Run, recheck_s: int, now: datetime) -> datetime | None:
    """When looking again may make a run verified: soon at first, daily at last. None: it would not."""
    waits = any(
        finding.outcome == "unknown" or (finding.outcome == "fail" and name in _OF_THE_WORLD)
        for name, finding in findings.items()
    )
    age = now - (run.sealed_at or run.received_at)
    if not waits or run.verdict != "unverified" or age > _LOOKED_AT_FOR:
        return None
    return now + min(max(timedelta(seconds=recheck_s), age / 2), _LONGEST_WAIT)


def _sealed(session: Session, run: Run, now: datetime) -> bytes | None:
    """The run's record, sealed now if it was not before; None while the run goes on."""
    if run.sealed_at is None:
        return None
    history.compact(session, run.id)
    record = seal.record_of(session, run)
    if run.record_digest is None:
        seal.seal(session, run, record, now)
    return record


def _keep_findings(session: Session, run_id: str, main: Judged, now: datetime) -> None:
    session.exec(delete(FindingRow).where(col(FindingRow.run_id) == run_id))
    for name, finding in main.findings.items():
        session.add(
            FindingRow(
                run_id=run_id,
                check_name=name,
                outcome=finding.outcome,
                refutes=finding.refutes,
                reason=finding.reason,
                mend=finding.mend,
                asked=name in main.asked,
                at=now,
            )
        )


def _keep_on_run(session: Session, run: Run, main: Judged, now: datetime) -> None:
    run.metric_id = main.metric.id if main.metric else None
    run.headline, run.headline_step = main.headline
    run.live = main.facts.live and main.findings["history_complete"].outcome == "pass"
    run.quarantined = bool(main.facts.secrets)
    run.checked_at = now
    session.add(run)


def _keep_placing(session: Session, run: Run, judged: Judged, now: datetime) -> None:
    """The run's place by this definition. Places by older definitions stay as they were: their boards are closed."""
    if judged.metric is None or judged.metric.id is None:
        return
    headline, step = judged.headline
    recomputed = judged.facts.recomputed.value if agrees(judged.facts) and judged.facts.recomputed else None
    session.merge(
        Placing(
            run_id=run.id,
            metric_id=judged.metric.id,
            verdict=judged.verdict,
            headline=headline,
            headline_step=step,
            recomputed=recomputed,
            at=now,
        )
    )


def _keep_tombstone(session: Session, run: Run, now: datetime) -> Verdict:
    """What was deleted is not judged any more, and is on no board."""
    session.exec(delete(FindingRow).where(col(FindingRow.run_id) == run.id))
    session.execute(sa.update(Placing).where(col(Placing.run_id) == run.id).values(verdict="unverified", at=now))
    before, run.verdict, run.check_at, run.checked_at = run.verdict, "unverified", None, now
    session.add(run)
    session.flush()
    _owe_change(session, run, before, now)
    return "unverified"


def _next_look(session: Session, run: Run, main: Judged, recheck_s: int, now: datetime) -> datetime | None:
    """A run on a board is looked at every day: its commit may be gone, an artifact, or the key of its receipt."""
    if run.verdict == "verified" and _on_board(session, run, main):
        return now + _LONGEST_WAIT
    return next_look(main.findings, run, recheck_s, now)


def _on_board(session: Session, run: Run, main: Judged) -> bool:
    if main.metric is None or run.headline is None:
        return False
    better = col(Placing.headline) > run.headline
    if main.metric.direction == "lower":
        better = col(Placing.headline) < run.headline
    ahead = (
        select(sa.func.count())
        .select_from(Placing)
        .where(Placing.metric_id == main.metric.id, Placing.verdict == "verified", better)
    )
    return session.exec(ahead).one() < _NIGHTLY


def _keep_receipt(
    session: Session,
    keys: Keys,
    settings: Settings,
    run: Run,
    record: bytes,
    boards: list[Judged],
    now: datetime,
) -> None:
    main = boards[0]
    receipts.issue(
        session,
        keys,
        run,
        record=record,
        report=report_of(run),
        facts=main.facts,
        findings=main.findings,
        asked=main.asked,
        metric=main.metric,
        verdict=main.verdict,
        tries=_tries(session, run),
        base_url=settings.base_url,
        now=now,
        places=places_of(session, run.id, {each.metric.id for each in boards if each.metric is not None}),
    )


def _tries(session: Session, run: Run) -> int:
    """How many runs there are of this configuration, whatever became of them."""
    same = (Run.project_id == run.project_id, Run.config_digest == run.config_digest)
    return session.exec(select(sa.func.count()).select_from(Run).where(*same)).one()


def places_of(session: Session, run_id: str, boards: Collection[int | None]) -> list[dict[str, str | None]]:
    """The run's places by these definitions, as the log keeps them."""
    asked = select(Placing, MetricDefinition).where(
        Placing.run_id == run_id, Placing.metric_id == MetricDefinition.id, col(MetricDefinition.id).in_(boards)
    )
    rows = session.exec(asked.order_by(MetricDefinition.name, col(MetricDefinition.version)))
    return [
        {
            "metric": f"{metric.name}@{metric.version}",
            "verdict": place.verdict,
            "headline": decimal(place.headline),
            "step": None if place.headline_step is None else str(place.headline_step),
            "recomputed": decimal(place.recomputed),
        }
        for place, metric in rows
    ]


def _owe(session: Session, run: Run, main: Judged, before: str, every: timedelta, now: datetime) -> None:
    if run.verdict == "verified" and before != "verified" and main.metric is not None:
        owe_if_best(session, run, main.metric, every, now)
    _owe_change(session, run, before, now)


def _owe_change(session: Session, run: Run, before: str, now: datetime) -> None:
    """Whoever was told that a run is the best is told when its verdict is another one."""
    if before == run.verdict or "verified" not in (before, run.verdict):
        return
    if told_of(session, run) is None:
        return
    outbox.owe(
        session,
        key=f"verdict_changed/{run.project_id}/{run.id}/{now.isoformat()}",
        kind="verdict_changed",
        project_id=run.project_id,
        payload={"run": run.id, "now": run.verdict},
        now=now,
    )

"""Whether a run that was just verified is a new best, and owing the announcement if it is."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from registry import outbox
from registry.ranking import gain
from registry.tables import MetricDefinition, Run


def owe_if_best(session: Session, run: Run, metric: MetricDefinition, now: datetime) -> bool:
    """Owe `new_best` when the run beats every earlier verified one by the metric's margin. Whether it is owed now.

    Never for a run that did not end well, or whose history arrived afterwards (late): that is no news.
    """
    if run.late or run.state != "finished" or run.headline is None:
        return False
    old = best_other(session, run, metric)
    if old is not None and old.headline is not None and not beats(run.headline, old.headline, metric):
        return False
    return outbox.owe(
        session,
        key=f"new_best/{run.project_id}/{run.id}",
        kind="new_best",
        project_id=run.project_id,
        payload={
            "run": run.id,
            "metric": metric.id,
            "value": run.headline,
            "old_run": old.id if old else None,
            "old_value": old.headline if old else None,
        },
        now=now,
    )


def beats(new: float, old: float, metric: MetricDefinition) -> bool:
    """Better, by more than what counts as equal and by at least the margin."""
    better_by = gain(new, old, metric.direction)
    return better_by > max(metric.tolerance, 0.0) and better_by >= metric.margin


def best_other(session: Session, run: Run, metric: MetricDefinition) -> Run | None:
    """The best verified run by the same definition beside this one; of equal ones the earliest."""
    by_value = col(Run.headline).desc() if metric.direction == "higher" else col(Run.headline).asc()
    query = select(Run).where(
        Run.project_id == run.project_id,
        Run.metric_id == metric.id,
        Run.verdict == "verified",
        Run.state == "finished",
        Run.id != run.id,
        col(Run.headline).is_not(None),
    )
    return session.exec(query.order_by(by_value, col(Run.sealed_at), col(Run.id)).limit(1)).first()

"""Whether a run that was just verified is a new best, and owing the announcement if it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import outbox
from registry.ranking import Result, gain
from registry.results import placed, results
from registry.tables import MetricDefinition, Outgoing, Placing, Run


def owe_if_best(session: Session, run: Run, metric: MetricDefinition, every: timedelta, now: datetime) -> bool:
    """Owe `new_best` when the run beats every other one on the board by the metric's margin. Whether it is owed now.

    Never for a run that does not rank (it is below the project's minimum, say), or whose history arrived afterwards
    (late): that is no news. Its place on the board must have been kept before.

    Within `every` of the project's announcement before, it waits: of those that wait only the best is still true then.
    """
    own = place_of(session, run, metric)
    if own is None or run.late:
        return False
    old = best_other(session, run, metric)
    if old is not None and not beats(own.value, old.value, metric):
        return False
    return outbox.owe(
        session,
        key=f"new_best/{run.project_id}/{run.id}",
        kind="new_best",
        project_id=run.project_id,
        payload={
            "run": run.id,
            "metric": metric.id,
            "value": own.value,
            "old_run": old.run if old else None,
            "old_value": old.value if old else None,
        },
        now=now,
        not_before=outbox.next_turn(session, "new_best", run.project_id, every, now),
    )


def told_of(session: Session, run: Run) -> Outgoing | None:
    """The latest message in a channel by which the run was announced as the best; None: nobody was told."""
    query = select(Outgoing).where(
        Outgoing.kind == "new_best",
        col(Outgoing.key).startswith(f"new_best/{run.project_id}/{run.id}/", autoescape=True),
        # A channel's own message, and one that was really posted: where nothing was left to say there is no `ts`.
        col(Outgoing.channel).is_not(None),
        col(Outgoing.ts).is_not(None),
    )
    return session.exec(query.order_by(col(Outgoing.id).desc()).limit(1)).first()


def beats(new: float, old: float, metric: MetricDefinition) -> bool:
    """Better, by more than what counts as equal and by at least the margin."""
    better_by = gain(new, old, metric.direction)
    return better_by > max(metric.tolerance, 0.0) and better_by >= metric.margin


def place_of(session: Session, run: Run, metric: MetricDefinition) -> Result | None:
    """The run as it ranks by this definition; None where it does not."""
    return next(iter(results(session, metric, [col(Run.id) == run.id])), None)


def best_other(session: Session, run: Run, metric: MetricDefinition) -> Result | None:
    """The best run on the definition's board beside this one; of equal ones the earliest."""
    value = col(Placing.headline)
    by_value = value.desc() if metric.direction == "higher" else value.asc()
    query = placed(session, metric).where(col(Run.id) != run.id)
    ended = sa.func.coalesce(col(Run.sealed_at), col(Run.received_at))
    first = session.execute(query.order_by(by_value, ended, col(Run.id)).limit(1)).first()
    return None if first is None else Result(*first)

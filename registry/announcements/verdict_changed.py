"""A run that was announced as the best is not verified any more, or is again: why, and which one is the best now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from registry.asker import Asker
from registry.kept import known_of
from registry.new_record import best_other, place_of, told_of
from registry.numbers import clean, read
from registry.ranking import Result, gain
from registry.standing import why_not
from registry.tables import MetricDefinition, Run
from trackrecord.answer import Answer, FollowUp, Link


def verdict_changed(session: Session, asker: Asker, now: datetime, payload: Mapping[str, Any]) -> Answer | None:
    """The announcement; None where it is not true any more (the verdict is another one by now), or nobody was told."""
    run = session.get(Run, str(payload["run"]))
    told = told_of(session, run) if run is not None else None
    if run is None or told is None or run.verdict != payload["now"]:
        return None
    metric = session.get(MetricDefinition, told.payload["metric"])
    if metric is None:
        return None
    again = run.verdict == "verified"
    name = clean(run.name, 60)
    change = "is verified again" if again else "is not verified any more"
    why = "" if again else _why(session, run, metric, asker, now)
    # Of a deleted or hidden run no value is repeated.
    closed = run.quarantined or run.withdrawn == "deleted"
    value = "" if closed else f" with {read(told.payload['value'], metric)}"
    text = f"{name} {change}{f': {why}' if why else ''}. It was announced as the best{value}."
    return Answer(
        title=f"{name} {change}",
        text=f"{text} {_now_best(session, run, metric)}",
        parts=(Link(f"Page of {name}", f"/runs/{run.id}"),),
        tone="good" if again else "warn",
        follow_ups=(FollowUp("Show it", "show", run.name), FollowUp("Best now", "best", run.project_id)),
    )


def _why(session: Session, run: Run, metric: MetricDefinition, asker: Asker, now: datetime) -> str:
    judged = session.get(MetricDefinition, run.metric_id) if run.metric_id is not None else None
    return why_not(run, judged or metric, known_of(session, [run])[run.id], asker, now).rstrip(".")


def _now_best(session: Session, run: Run, told_by: MetricDefinition) -> str:
    """By the definition that counts now; the one it was announced by may be an older version."""
    query = select(MetricDefinition).where(
        MetricDefinition.project_id == run.project_id,
        MetricDefinition.name == told_by.name,
        col(MetricDefinition.current).is_(True),
    )
    metric = session.exec(query).first()
    if metric is None:
        return f"{told_by.name} is not a metric of the project any more."
    own, other = place_of(session, run, metric), best_other(session, run, metric)
    if own is None and other is None:
        return "There is no verified run now."
    best = other if own is None else own if other is None else _better(own, other, metric)
    assert best is not None
    return f"The best is now {clean(best.name, 60)} by {clean(best.owner, 60)} with {read(best.value, metric)}."


def _better(one: Result, other: Result, metric: MetricDefinition) -> Result:
    ahead = gain(one.value, other.value, metric.direction)
    return one if ahead > 0 or (ahead == 0 and one.at <= other.at) else other

"""A run that beats every verified run of its project so far: by how much, with what, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col

from registry.asker import Asker
from registry.find import definitions
from registry.kept import params_of
from registry.new_record import best_other, place_of
from registry.numbers import ago, apart, clean, counted, read
from registry.ranking import Result, Spread, gain, spread
from registry.results import results, scope, tally
from registry.tables import MetricDefinition, Project, Run
from trackrecord.answer import SELF_REPORTED, Answer, Facts, FollowUp, Link, Note, Part, Table

_NOTE = f"{SELF_REPORTED} Runs that were never registered cannot be counted."
_PARAMS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Record:
    """The new best run, the one before it (None: it is the first), and the metric that both are read by."""

    project: Project
    run: Run
    place: Result
    old: Result | None
    metric: MetricDefinition

    def read(self, value: float | None) -> str:
        return read(value, self.metric)

    @property
    def gained(self) -> float | None:
        if self.old is None:
            return None
        return gain(self.place.value, self.old.value, self.metric.direction)

    @property
    def difference(self) -> str:
        """With the sign of the values: a lower loss reads "-0.02"."""
        assert self.old is not None
        return apart(self.place.value - self.old.value, self.metric)


def new_best(session: Session, asker: Asker, now: datetime, payload: Mapping[str, Any]) -> Answer | None:
    """The announcement; None where it is not true any more: the run fell, or another one is better by now."""
    record = _record(session, payload)
    if record is None:
        return None
    run, metric, value = record.run, record.metric, record.read(record.place.value)
    name = clean(run.name, 60)
    said = f"{name} by {clean(run.owner, 60)} is the new best of {record.project.id}: {metric.name} {value}"
    return Answer(
        title=f"New best of {record.project.id}: {metric.name} {value}",
        text=f"{said}, {_versus(record)}.",
        parts=_parts(session, record, asker, now),
        tone="good",
        follow_ups=_follow_ups(record),
    )


def _record(session: Session, payload: Mapping[str, Any]) -> Record | None:
    run = session.get(Run, str(payload["run"]))
    if run is None:
        return None
    project = session.get_one(Project, run.project_id)
    metric = next((row for row in definitions(session, project) if row.id == payload["metric"]), None)
    place = place_of(session, run, metric) if metric is not None else None
    if metric is None or place is None or place.value != payload["value"]:
        return None
    top = best_other(session, run, metric)
    if top is not None and gain(place.value, top.value, metric.direction) <= 0:
        return None
    return Record(project, run, place, top, metric)


def _parts(session: Session, record: Record, asker: Asker, now: datetime) -> tuple[Part, ...]:
    whole = scope(session, asker, record.project)
    parts: list[Part] = [
        Facts(
            (
                ("value", _at_step(record)),
                ("before", _before(record, now)),
                ("over seeds", _seeds(session, record)),
                ("owner", clean(record.run.owner, 60)),
                ("commit", record.run.commit_id or "none"),
                ("data", clean(f"{record.metric.dataset}, split {record.metric.split}", 120)),
                ("tries", str(tally(session, whole, asker, now))),
            )
        ),
        _params(session, record),
        Note(_NOTE),
        Link(f"Page of {clean(record.run.name, 60)}", f"/runs/{record.run.id}"),
    ]
    return tuple(part for part in parts if not (isinstance(part, Table) and not part.rows))


def _versus(record: Record) -> str:
    if record.old is None:
        return "the first verified result"
    return f"{record.difference} against {clean(record.old.name, 60)} ({record.read(record.old.value)})"


def _at_step(record: Record) -> str:
    rules = {
        "last": "the last value",
        "best": "the best value",
        "at_best_of": f"where {record.metric.rule_metric} is best",
    }
    step = f" at step {record.place.step}" if record.place.step is not None else ""
    return f"{record.read(record.place.value)}{step} ({rules.get(record.metric.rule, record.metric.rule)})"


def _before(record: Record, now: datetime) -> str:
    old = record.old
    if old is None:
        return "nothing verified"
    when = ago(now, old.at)
    return f"{record.read(old.value)} by {clean(old.name, 60)} ({clean(old.owner, 60)}, {when}); {record.difference}"


def _seeds(session: Session, record: Record) -> str:
    """The spread, and whether the gain is larger than it. A single seed says so, and borrows the old best's spread."""
    own = _spread(session, record, record.run.config_digest)
    if own is not None and own.std is not None:
        std = apart(own.std, record.metric).removeprefix("+")
        said = f"{record.read(own.mean)} ± {std} over {counted(own.count, 'run')} of this configuration"
        return said + _beside_noise(record, own.std)
    old = _spread(session, record, record.old.config) if record.old is not None else None
    if old is None or old.std is None:
        return "single seed; how far seeds spread is not known"
    return "single seed" + _beside_noise(record, old.std, "the old best's seeds")


def _beside_noise(record: Record, std: float, whose: str = "its seeds") -> str:
    if record.gained is None:
        return ""
    noise = apart(std, record.metric).removeprefix("+")
    where = "beyond" if record.gained > std else "inside"
    return f"; the gain is {where} the spread of {whose} (±{noise})"


def _spread(session: Session, record: Record, config: str) -> Spread | None:
    return spread(results(session, record.metric, [col(Run.config_digest) == config]))


def _params(session: Session, record: Record) -> Table:
    """What differs from the old best; all of them where there is none to compare with."""
    run, old = record.run, record.old
    found = params_of(session, [run.id, old.run] if old else [run.id])
    new = found[run.id]
    if old is None:
        rows = tuple((key, value) for key, value in new.items())
        return Table(
            ("parameter", clean(run.name, 40)),
            rows[:_PARAMS_SHOWN],
            "Parameters",
            cut=max(0, len(rows) - _PARAMS_SHOWN),
        )
    before = found[old.run]
    keys = [key for key in sorted({*new, *before}) if new.get(key) != before.get(key)]
    changed = tuple((key, before.get(key, "not set"), new.get(key, "not set")) for key in keys)
    return Table(
        ("parameter", clean(old.name, 40), clean(run.name, 40)),
        changed[:_PARAMS_SHOWN],
        "Parameters that differ",
        cut=max(0, len(changed) - _PARAMS_SHOWN),
    )


def _follow_ups(record: Record) -> tuple[FollowUp, ...]:
    name = record.run.name
    asked = [FollowUp("Show it", "show", name)]
    if record.old is not None:
        asked.append(FollowUp("Compare with the old best", "compare", f"{name} {record.old.name}"))
    return (*asked, FollowUp("Reproduce it", "repro", name))

"""Chooses histories worth a picture and turns them into the numbers of a chart."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from registry import history, machine
from registry.kept import series_of
from registry.numbers import clean, listed, read
from registry.ranking import Result
from registry.tables import MetricDefinition, Run
from trackrecord.answer import Chart
from trackrecord.answer import Series as Line
from trackrecord.report import MACHINE_USE

MOST = 6  # lines in one chart that can be told apart
POINTS = 600  # of one line: a phone has no more pixels
_ALIKE = ({"acc", "accuracy", "top1", "top"}, {"loss", "nll", "ce", "error", "err"}, {"f1", "precision", "recall"})


def metric_to_draw(session: Session, runs: Sequence[str], metric: str) -> str | None:
    """The metric itself where it has a history; else one of the same kind that has (val/accuracy for test/accuracy)."""
    lengths: Counter[str] = Counter()
    for found in series_of(session, runs).values():
        lengths.update(name for name, series in found.items() if series.count - series.not_finite > 1)
    if lengths[metric]:
        return metric
    alike = [name for name in lengths if _alike(name, metric) and not name.startswith(MACHINE_USE)]
    return min(alike, key=lambda name: (-lengths[name], "train" in name, name), default=None)


def _alike(one: str, other: str) -> bool:
    first, second = _words(one), _words(other)
    return first[-1] == second[-1] or any(set(first) & kind and set(second) & kind for kind in _ALIKE)


def _words(metric: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", metric.lower()) if word] or [metric]


def lines_of_runs(
    session: Session,
    runs: Sequence[tuple[str, str]],
    metric: str,
    definition: MetricDefinition | None,
    title: str,
) -> Chart | None:
    """One line per (run id, name): a metric's history. `definition` says how its values are read."""
    lines = [line for run, name in runs[:MOST] if (line := _line(session, run, metric, name, definition))]
    if len(lines) == 1:
        title = lines[0].name
    return _chart(title, metric, lines, definition)


def charts_of_run(session: Session, run: Run, definition: MetricDefinition | None) -> list[Chart]:
    """At most three charts of one run: its metrics in groups that share a scale, the project's metric first."""
    groups: dict[str, list[str]] = {}
    for name, series in machine.of_the_run(series_of(session, [run.id])[run.id], [definition]).items():
        if series.count - series.not_finite > 1:
            groups.setdefault(_words(name)[-1], []).append(name)
    main = _words(definition.name)[-1] if definition else ""
    order = sorted(groups, key=lambda kind: (kind != main, "loss" not in kind, kind))
    charts = []
    for kind in order[:3]:
        reading = definition if definition and _alike(groups[kind][0], definition.name) else None
        names = sorted(groups[kind], key=lambda name: (definition is None or name != definition.name, name))
        lines = [
            line if reading is None or name == reading.name else replace(line, best=None)
            for name in names[:MOST]
            if (line := _line(session, run.id, name, name, reading, lower="loss" in kind or "err" in kind))
        ]
        chart = _chart(clean(run.name, 40), kind, lines, reading)
        charts += [chart] if chart else []
    return charts


def bars(leaders: Sequence[Result], metric: MetricDefinition, title: str) -> Chart | None:
    """One bar per leader, for metrics that have a single value per run."""
    shown_ones = leaders[:MOST]
    if len(shown_ones) < 2:
        return None
    factor = 100.0 if metric.percent else 1.0
    values = tuple(result.value * factor for result in shown_ones)
    said = [f"{clean(each.name, 40)} {read(each.value, metric)}" for each in shown_ones]
    return Chart(
        title=title,
        kind="bar",
        series=(Line(metric.name, tuple(float(place) for place in range(len(values))), values, 0),),
        alt=f"Bar chart of {metric.name}: {listed(said, MOST)}.",
        y_label=_axis(metric.name, metric),
        labels=tuple(clean(each.name, 40) for each in shown_ones),
    )


def _line(
    session: Session, run: str, metric: str, name: str, definition: MetricDefinition | None, *, lower: bool = False
) -> Line | None:
    points = history.thin(history.read(session, run, metric), POINTS)
    factor = 100.0 if definition and definition.percent else 1.0
    kept = [
        (float(step), float(value) * factor)
        for step, value in zip(points.steps, points.values, strict=True)
        if math.isfinite(value) and math.isfinite(float(value) * factor)
    ]
    if not kept:
        return None
    lower = definition.direction == "lower" if definition else lower
    known = definition is not None or lower
    pick = min if lower else max
    best = pick(range(len(kept)), key=lambda place: kept[place][1]) if known else None
    name = clean(name, 40) if math.isfinite(points.values[-1]) else f"{clean(name, 34)} (NaN)"
    return Line(name, tuple(x for x, _ in kept), tuple(y for _, y in kept), best)


def _chart(title: str, metric: str, lines: Sequence[Line], definition: MetricDefinition | None) -> Chart | None:
    if not any(len(line.xs) > 1 for line in lines):
        return None
    said = [_said(line, definition) for line in lines]
    return Chart(
        title=title,
        kind="line",
        series=tuple(lines),
        alt=f"Line chart of {metric} over steps: {'; '.join(said)}.",
        x_label="step",
        y_label=_axis(metric, definition),
    )


def _said(line: Line, definition: MetricDefinition | None) -> str:
    def said(value: float) -> str:
        return read(value / 100 if definition and definition.percent else value, definition)

    ends = f"{line.name} ends at {said(line.ys[-1])}"
    if line.best is None:
        return ends
    return f"{ends}, best {said(line.ys[line.best])} at step {line.xs[line.best]:g}"


def _axis(metric: str, definition: MetricDefinition | None) -> str:
    unit = "%" if definition and definition.percent else clean(definition.unit, 16) if definition else ""
    return f"{metric} ({unit})" if unit else metric

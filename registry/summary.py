"""PURE: what a series comes to: its summary, the headline value by the project's rule, and few points for a chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from registry.facts import MetricFacts
from registry.packing import Points

Kind = Literal["finite", "nan", "+inf", "-inf"]


@dataclass(frozen=True, slots=True)
class Summary:
    """A series in a few numbers. `best_*` look at finite values only; of equal ones the earliest step counts.

    The last point is the one with the largest step; of equal steps the latest, of equal times the one logged last.
    """

    count: int
    first_step: int
    last_step: int
    last_time: int  # ms
    last_kind: Kind
    last: float | None  # None unless finite
    best_high: float | None
    best_high_step: int | None
    best_low: float | None
    best_low_step: int | None
    not_finite: int


@dataclass(frozen=True, slots=True)
class Headline:
    """The value that counts, or `trouble`: a sentence why there is none. `value` is finite."""

    value: float | None = None
    step: int | None = None
    trouble: str = ""


def ordered(points: Points) -> Points:
    """By step, then time; points that agree in both stay in the order they came in."""
    key = np.lexsort((points.times, points.steps))
    return points[key]


def summarise(points: Points) -> Summary:
    """`points` in any order, at least one."""
    in_order = ordered(points)
    last = float(in_order.values[-1])
    kind = kind_of(last)
    finite = in_order[np.isfinite(in_order.values)]
    high, low = _best(finite, "higher"), _best(finite, "lower")
    return Summary(
        count=len(points),
        first_step=int(in_order.steps[0]),
        last_step=int(in_order.steps[-1]),
        last_time=int(in_order.times[-1]),
        last_kind=kind,
        last=last if kind == "finite" else None,
        best_high=None if high is None else float(finite.values[high]),
        best_high_step=None if high is None else int(finite.steps[high]),
        best_low=None if low is None else float(finite.values[low]),
        best_low_step=None if low is None else int(finite.steps[low]),
        not_finite=len(points) - len(finite),
    )


def merged(old: Summary, new: Summary) -> Summary:
    """The summary of both; `new` came later."""
    last = new if (new.last_step, new.last_time) >= (old.last_step, old.last_time) else old
    high = _better(old.best_high, old.best_high_step, new.best_high, new.best_high_step, sign=1)
    low = _better(old.best_low, old.best_low_step, new.best_low, new.best_low_step, sign=-1)
    return Summary(
        count=old.count + new.count,
        first_step=min(old.first_step, new.first_step),
        last_step=last.last_step,
        last_time=last.last_time,
        last_kind=last.last_kind,
        last=last.last,
        best_high=high[0],
        best_high_step=high[1],
        best_low=low[0],
        best_low_step=low[1],
        not_finite=old.not_finite + new.not_finite,
    )


def headline(metric: MetricFacts, points: Points, rule_points: Points) -> Headline:
    """The value of `metric` by its rule. `rule_points` are those of `metric.rule_metric`, empty where there is none."""
    if not len(points):
        return Headline(trouble=f"the run has no {metric.name}")
    match metric.rule:
        case "last":
            return _last(metric.name, ordered(points))
        case "best":
            return _best_of(metric, ordered(points))
        case "at_best_of":
            return _at_best_of(metric, ordered(points), ordered(rule_points))


def kind_of(value: float) -> Kind:
    """What kind of number it is, in the words of the `last_kind` column."""
    if np.isnan(value):
        return "nan"
    if np.isinf(value):
        return "+inf" if value > 0 else "-inf"
    return "finite"


KIND_WORDS = {"nan": "NaN", "+inf": "infinite", "-inf": "minus infinity"}


def thin(points: Points, pixels: int, best: Literal["higher", "lower"] = "higher") -> Points:
    """At most about `2 * pixels` points that draw the same line: smallest and largest value of each stretch.

    The first, the last and the best point are always among them, and one point that is not finite for each stretch that
    has any, so that a gap shows. `points` are in order of steps.
    """
    if pixels < 1:
        raise ValueError("a chart has at least one pixel")
    if len(points) <= 2 * pixels:
        return points
    edges = np.linspace(0, len(points), pixels + 1).astype(np.int64)[:-1]
    finite = np.isfinite(points.values)
    lowest = np.minimum.reduceat(np.where(finite, points.values, np.inf), edges)
    highest = np.maximum.reduceat(np.where(finite, points.values, -np.inf), edges)
    stretch = np.repeat(np.arange(pixels), np.diff(np.append(edges, len(points))))
    keep = [np.array([0, len(points) - 1])]
    for mask in (
        finite & (points.values == lowest[stretch]),
        finite & (points.values == highest[stretch]),
        ~finite,
    ):
        keep.append(_first_of_each(stretch, mask))
    if finite.any():
        keep.append(np.array([_best_at(points, finite, best)]))
    return points[np.unique(np.concatenate(keep))]


def _first_of_each(stretch: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    at = np.flatnonzero(mask)
    _, first = np.unique(stretch[at], return_index=True)
    chosen: NDArray[np.int64] = at[first]
    return chosen


def _best_at(points: Points, finite: NDArray[np.bool_], direction: str) -> int:
    if direction == "higher":
        return int(np.argmax(np.where(finite, points.values, -np.inf)))
    return int(np.argmin(np.where(finite, points.values, np.inf)))


def _best(finite: Points, direction: str) -> int | None:
    """Where the best value is, the earliest of equal ones."""
    if not len(finite):
        return None
    return int(np.argmax(finite.values) if direction == "higher" else np.argmin(finite.values))


def _better(
    old: float | None, old_step: int | None, new: float | None, new_step: int | None, sign: int
) -> tuple[float | None, int | None]:
    candidates = [(sign * v, -s) for v, s in ((old, old_step), (new, new_step)) if v is not None and s is not None]
    if not candidates:
        return None, None
    value, step = max(candidates)
    return sign * value, -step


def _last(name: str, points: Points) -> Headline:
    value, step = float(points.values[-1]), int(points.steps[-1])
    kind = kind_of(value)
    if kind == "finite":
        return Headline(value, step)
    first = int(points.steps[np.flatnonzero(~np.isfinite(points.values))[0]])
    since = f" (first at step {first})" if first != step else ""
    return Headline(trouble=f"the last {name} is {KIND_WORDS[kind]} at step {step}{since}")


def _best_of(metric: MetricFacts, points: Points) -> Headline:
    finite = points[np.isfinite(points.values)]
    at = _best(finite, metric.direction)
    if at is None:
        return Headline(trouble=f"none of the {len(points)} values of {metric.name} is a finite number")
    return Headline(float(finite.values[at]), int(finite.steps[at]))


def _at_best_of(metric: MetricFacts, points: Points, rule_points: Points) -> Headline:
    rule = metric.rule_metric or ""
    finite = rule_points[np.isfinite(rule_points.values)]
    at = _best(finite, metric.direction)
    if at is None:
        has = f"none of the values of {rule} is a finite number" if len(rule_points) else f"the run has no {rule}"
        return Headline(trouble=f"{metric.name} counts where {rule} is best, and {has}")
    step = int(finite.steps[at])
    there = points[points.steps == step]
    if not len(there):
        return Headline(trouble=f"{rule} is best at step {step}, and {metric.name} has no value at that step")
    value = float(there.values[-1])
    if kind_of(value) != "finite":
        return Headline(trouble=f"{rule} is best at step {step}, where {metric.name} is {KIND_WORDS[kind_of(value)]}")
    return Headline(value, step)

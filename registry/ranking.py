"""PURE: which result is better, who leads, and how far equal configurations spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Direction = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Result:
    """A run's value of one metric, with what a ranking shows of it. `at` is the registry's time when it was sealed."""

    run: str
    name: str
    value: float
    step: int | None
    owner: str
    config: str  # equal for runs that differ in nothing but the seed
    seed: str | None
    commit: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of equal configurations. `std` is the sample standard deviation, None for a single value."""

    mean: float
    std: float | None
    count: int
    seeds: int


def gain(new: float, old: float, direction: str) -> float:
    """How much better `new` is than `old`: positive where it is better, in the metric's unit."""
    return new - old if direction == "higher" else old - new


def leaders(results: Iterable[Result], direction: str, tolerance: float, top: int) -> list[Result]:
    """The best first. Values inside the tolerance of the best one left are equal: of those, the earliest comes first.

    Values that are not finite never rank. The order does not depend on the order of the input.
    """
    left = sorted(
        (result for result in results if math.isfinite(result.value)),
        key=lambda result: (-gain(result.value, 0.0, direction), result.at, result.run),
    )
    ranked: list[Result] = []
    while left and len(ranked) < top:
        near = 1
        while near < len(left) and gain(left[0].value, left[near].value, direction) <= tolerance:
            near += 1
        earliest = min(range(near), key=lambda place: (left[place].at, left[place].run))
        ranked.append(left.pop(earliest))
    return ranked


def ties(leader: Result, results: Iterable[Result], tolerance: float) -> list[Result]:
    """The other results that are equal to it inside the tolerance, the earliest first."""
    equal = [each for each in results if each.run != leader.run and abs(each.value - leader.value) <= tolerance]
    return sorted(equal, key=lambda result: (result.at, result.run))


def spread(results: Sequence[Result]) -> Spread | None:
    """Mean and sample standard deviation; None where there is nothing finite."""
    finite = [result for result in results if math.isfinite(result.value)]
    if not finite:
        return None
    values = [result.value for result in finite]
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), std, len(values), len({result.seed for result in finite}))


def expected_best(values: Sequence[float], budget: int, direction: str) -> float | None:
    """What the best of `budget` of these values is on average, over every way to draw them without putting back.

    In the metric's unit. None where there are fewer finite values than the budget, or it is below 1.
    """
    ordered = sorted((value for value in values if math.isfinite(value)), reverse=direction == "higher")
    if budget < 1 or len(ordered) < budget:
        return None
    # The value at a place (0: the best) is the best of the draw with C(left, budget - 1) / C(all, budget), `left` being
    # the values behind it. Each weight follows from the one before, so that no binomial is ever computed.
    weight, terms = budget / len(ordered), []
    for place, value in enumerate(ordered):
        terms.append(weight * value)
        left = len(ordered) - 1 - place
        if left < budget:
            break
        weight *= (left - budget + 1) / left
    # Rounding must not lead out of what was seen.
    return min(max(math.fsum(terms), min(ordered)), max(ordered))


def siblings(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Results by configuration, in the order in which configurations first appear."""
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.config, []).append(result)
    return grouped

"""PURE: what stands beside a verdict because there is more evidence than the checks ask for."""

from __future__ import annotations

from dataclasses import dataclass

from registry.facts import Facts, MetricFacts


@dataclass(frozen=True, slots=True)
class Badge:
    """A word and the sentence behind it, which promises no more than was seen."""

    word: str
    sentence: str


def badges(*, live: bool, recomputed: str = "") -> tuple[Badge, ...]:
    """The badges of a run. `recomputed`: the registry's own value as its metric is read; "": there is none."""
    found = []
    if live:
        found.append(Badge("live", "its history arrived while it ran, without a gap"))
    if recomputed:
        source = "the predictions that the run handed in"
        found.append(Badge("recomputed", f"the registry computed {recomputed} itself, from {source}"))
    return tuple(found)


def agrees(facts: Facts) -> bool:
    """Whether the registry's own value is the headline, within what the project takes for equal."""
    own, metric = facts.recomputed, facts.metric
    series = facts.series.get(metric.name) if metric is not None else None
    if own is None or own.value is None or metric is None or series is None or series.headline is None:
        return False
    return belongs(facts) and abs(own.value - series.headline) <= slack(metric, series.headline)


def belongs(facts: Facts) -> bool:
    """Whether the predictions are of the step that counts."""
    own, metric = facts.recomputed, facts.metric
    series = facts.series.get(metric.name) if metric is not None else None
    return own is not None and series is not None and own.step in (None, series.headline_step)


def slack(metric: MetricFacts, value: float) -> float:
    """How far two values may be apart: the project's tolerance, or half a unit of the last decimal that is shown."""
    shown = 0.5 * 10.0 ** -(metric.decimals + (2 if metric.percent else 0))
    return max(metric.tolerance, shown, abs(value) * 1e-9)

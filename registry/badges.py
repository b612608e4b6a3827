"""PURE: what stands beside a verdict because there is more evidence than the checks ask for."""

from __future__ import annotations

from registry.facts import Facts, MetricFacts

LIVE = "live: its history arrived while it ran"


def recomputed_words(examples: int) -> str:
    return f"recomputed: the registry computed the value itself from {examples:,} predictions"


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

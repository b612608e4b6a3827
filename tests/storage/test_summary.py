"""What a series comes to: the same whatever the order of arrival, and never a number that is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.facts import MetricFacts
from registry.packing import NONE, Points
from registry.summary import headline, kind_of, merged, ordered, summarise, thin

any_float = st.floats(allow_nan=True, allow_infinity=True)
rows = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10**6), any_float), min_size=1, max_size=80)


def points_of(rows: list[tuple[int, int, float]]) -> Points:
    steps, times, values = zip(*rows, strict=True)
    return Points(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))


def at_steps(*values: float) -> Points:
    return points_of([(step, 1000 + step, value) for step, value in enumerate(values)])


def rule(rule: str, direction: str = "higher", rule_metric: str | None = None) -> MetricFacts:
    return MetricFacts(
        name="test/accuracy",
        split="test",
        dataset="digits/test",
        dataset_digest="a" * 64,
        direction=direction,  # type: ignore[arg-type]
        rule=rule,  # type: ignore[arg-type]
        rule_metric=rule_metric,
        decimals=2,
        percent=True,
        margin=0.0,
        tolerance=0.0,
    )


@settings(deadline=None)
@given(rows, st.data())
def test_summaries_of_parts_merge_to_the_summary_of_all(
    rows: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    whole = summarise(points_of(rows))
    together = summarise(points_of(parts[0]))
    for part in parts[1:]:
        together = merged(together, summarise(points_of(part)))
    assert together == whole


@settings(deadline=None)
@given(rows)
def test_a_best_value_is_a_finite_one_that_was_logged(rows: list[tuple[int, int, float]]) -> None:
    seen = summarise(points_of(rows))
    finite = [value for _, _, value in rows if math.isfinite(value)]
    assert seen.best_high == (max(finite) if finite else None)
    assert seen.best_low == (min(finite) if finite else None)
    assert seen.not_finite == len(rows) - len(finite)
    assert (seen.last is None) == (seen.last_kind != "finite")


@pytest.mark.parametrize(
    ("value", "kind"), [(1.0, "finite"), (-0.0, "finite"), (math.nan, "nan"), (math.inf, "+inf"), (-math.inf, "-inf")]
)
def test_kinds(value: float, kind: str) -> None:
    assert kind_of(value) == kind


def test_the_last_value_counts() -> None:
    found = headline(rule("last"), at_steps(0.5, 0.95, 0.9), NONE)
    assert (found.value, found.step, found.trouble) == (0.9, 2, "")


def test_the_last_value_is_that_of_the_largest_step_however_it_arrived() -> None:
    late = points_of([(2, 30, 0.9), (0, 10, 0.5), (1, 20, 0.95)])
    assert headline(rule("last"), late, NONE).value == 0.9


def test_a_run_that_diverged_has_no_last_value_and_says_since_when() -> None:
    found = headline(rule("last"), at_steps(0.5, 0.9, math.nan, math.nan), NONE)
    assert found.value is None
    assert found.trouble == "the last test/accuracy is NaN at step 3 (first at step 2)"


def test_the_best_value_counts_in_its_direction_and_the_earliest_of_equals() -> None:
    points = at_steps(0.5, 0.9, math.inf, 0.9, -math.inf, 0.4)
    assert (headline(rule("best"), points, NONE).value, headline(rule("best"), points, NONE).step) == (0.9, 1)
    assert headline(rule("best", "lower"), points, NONE).value == 0.4


def test_nothing_finite_is_no_best() -> None:
    assert "none of the 2 values" in headline(rule("best"), at_steps(math.nan, math.inf), NONE).trouble


@pytest.mark.parametrize(
    ("validation", "value", "trouble"),
    [
        (at_steps(0.1, 0.8, 0.3), 0.95, ""),
        (at_steps(0.1, math.nan, 0.3), 0.9, ""),
        (at_steps(0.1, 0.2, 0.3, 0.9), None, "has no value at that step"),
        (NONE, None, "the run has no val/accuracy"),
        (at_steps(math.nan), None, "none of the values of val/accuracy is a finite number"),
    ],
)
def test_at_the_best_of_another(validation: Points, value: float | None, trouble: str) -> None:
    found = headline(rule("at_best_of", rule_metric="val/accuracy"), at_steps(0.5, 0.95, 0.9), validation)
    assert found.value == value
    assert trouble in found.trouble
    assert (found.value is None) == bool(found.trouble)


@settings(deadline=None)
@given(st.lists(any_float, min_size=1, max_size=3000), st.integers(1, 200), st.sampled_from(["higher", "lower"]))
def test_thinning_keeps_what_the_eye_would_miss(values: list[float], pixels: int, direction: str) -> None:
    points = at_steps(*values)
    few = thin(points, pixels, direction)  # type: ignore[arg-type]
    assert len(few) <= max(2 * pixels, 3 * pixels + 3)
    assert set(few.steps.tolist()) <= set(points.steps.tolist())
    assert few.steps.tolist() == sorted(few.steps.tolist())
    assert few.steps[0] == points.steps[0]
    assert few.steps[-1] == points.steps[-1]
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        kept = few.values[np.isfinite(few.values)]
        assert kept.max() == max(finite)
        assert kept.min() == min(finite)
    assert np.isfinite(few.values).all() == np.isfinite(points.values).all()


def test_no_pixels_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="pixel"):
        thin(at_steps(1.0), 0)


def test_order_is_by_step_then_time_and_else_as_logged() -> None:
    points = ordered(points_of([(1, 5, 0.3), (0, 9, 0.1), (1, 4, 0.2), (1, 5, 0.4)]))
    assert points.values.tolist() == [0.1, 0.2, 0.3, 0.4]

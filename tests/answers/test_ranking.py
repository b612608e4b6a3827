"""Order, ties and spread, against plain arithmetic and in any order of input."""

from __future__ import annotations

import itertools
import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ranking import Result, expected_best, gain, leaders, siblings, spread, ties

START = datetime(2026, 11, 1, tzinfo=UTC)
values = st.floats(allow_nan=True, allow_infinity=True, width=32)


def result(name: str, value: float, minute: int = 0, config: str = "c", seed: str | None = None) -> Result:
    return Result(name, name, value, None, "ada", config, seed, None, START + timedelta(minutes=minute))


def names(results: list[Result]) -> list[str]:
    return [each.run for each in results]


def test_higher_and_lower() -> None:
    given_ones = [result("a", 0.1), result("b", 0.3), result("c", 0.2)]
    assert names(leaders(given_ones, "higher", 0.0, 5)) == ["b", "c", "a"]
    assert names(leaders(given_ones, "lower", 0.0, 2)) == ["a", "c"]
    assert gain(0.2, 0.3, "lower") == pytest.approx(0.1)


def test_of_equal_ones_the_earliest_leads() -> None:
    given_ones = [result("late", 0.9001, 30), result("early", 0.9000, 10), result("worse", 0.89, 1)]
    assert names(leaders(given_ones, "higher", 0.0005, 5)) == ["early", "late", "worse"]
    assert names(leaders(given_ones, "higher", 0.0, 5)) == ["late", "early", "worse"]
    assert names(ties(given_ones[1], given_ones, 0.0005)) == ["late"]


def test_a_chain_of_near_values_does_not_pull_in_a_far_one() -> None:
    """a is equal to b and b to c, but c is not equal to a: it does not lead for being the earliest."""
    chain = [result("a", 0.92, 3), result("b", 0.91, 2), result("c", 0.90, 1)]
    assert names(leaders(chain, "higher", 0.011, 3))[0] == "b"


def test_what_is_not_finite_never_ranks() -> None:
    given_ones = [result("nan", math.nan), result("inf", math.inf), result("fine", 0.1), result("low", -math.inf)]
    assert names(leaders(given_ones, "higher", 0.0, 9)) == ["fine"]
    assert names(leaders(given_ones, "lower", 0.0, 9)) == ["fine"]


def test_spread() -> None:
    same = [result("a", 0.91, seed="1"), result("b", 0.90, seed="2"), result("c", 0.92, seed="3")]
    seen = spread(same)
    assert seen is not None
    assert (seen.count, seen.seeds) == (3, 3)
    assert seen.mean == pytest.approx(np.mean([0.91, 0.90, 0.92]))
    assert seen.std == pytest.approx(np.std([0.91, 0.90, 0.92], ddof=1))
    single = spread(same[:1])
    assert single is not None
    assert single.std is None
    assert spread([result("nan", math.nan)]) is None


def test_siblings() -> None:
    found = siblings([result("a", 1, config="x"), result("b", 1, config="y"), result("c", 1, config="x")])
    assert {config: names(each) for config, each in found.items()} == {"x": ["a", "c"], "y": ["b"]}


@given(
    st.lists(st.tuples(values, st.integers(0, 5)), max_size=25),
    st.sampled_from(["higher", "lower"]),
    st.floats(0, 1),
    st.integers(0, 2**31),
)
def test_the_order_of_input_changes_nothing(
    pairs: list[tuple[float, int]], direction: str, tolerance: float, seed: int
) -> None:
    given_ones = [result(str(place), value, minute) for place, (value, minute) in enumerate(pairs)]
    shuffled = given_ones.copy()
    random.Random(seed).shuffle(shuffled)
    ranked = leaders(given_ones, direction, tolerance, 25)
    assert ranked == leaders(shuffled, direction, tolerance, 25)
    assert sorted(names(ranked)) == sorted(each.run for each in given_ones if math.isfinite(each.value))
    if ranked:
        best = max(gain(each.value, 0.0, direction) for each in ranked)
        assert best - gain(ranked[0].value, 0.0, direction) <= tolerance


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.integers(1, 8), st.sampled_from(("higher", "lower")))
def test_the_expected_best_is_the_mean_over_every_draw(seen: list[float], budget: int, direction: str) -> None:
    expected = expected_best(seen, budget, direction)
    if budget > len(seen):
        assert expected is None
        return
    pick = max if direction == "higher" else min
    bests = [pick(draw) for draw in itertools.combinations(seen, budget)]
    assert expected == pytest.approx(math.fsum(bests) / len(bests), rel=1e-9, abs=1e-6)


def test_the_expected_best_beside_random_draws_and_of_many_values() -> None:
    lots = np.random.default_rng(7)
    seen = lots.normal(0.9, 0.01, 200)
    bests = [lots.choice(seen, 5, replace=False).max() for _ in range(4_000)]
    near = 5 * float(np.std(bests)) / math.sqrt(len(bests))
    assert expected_best(seen.tolist(), 5, "higher") == pytest.approx(float(np.mean(bests)), abs=near)
    # Of 1 .. N the best of n is expected at n (N + 1) / (n + 1).
    many = [float(number) for number in range(1, 10_001)]
    for budget in (1, 2, 5, 100, 5_000, 9_999, 10_000):
        exact = budget * 10_001 / (budget + 1)
        assert expected_best(many, budget, "higher") == pytest.approx(exact, rel=1e-10)
        assert expected_best(many, budget, "lower") == pytest.approx(10_001 - exact, rel=1e-10)


def test_the_expected_best_of_too_few_values_is_not_known() -> None:
    assert expected_best([], 1, "higher") is None
    assert expected_best([0.5, math.nan, math.inf], 2, "lower") is None
    assert expected_best([0.5, 0.6], 0, "higher") is None
    assert expected_best([0.1] * 7, 5, "higher") == 0.1

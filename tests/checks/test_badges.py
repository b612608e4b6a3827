"""Badges to the letter, and when two values are taken for one: at the edge of what the project allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.badges import agrees, badges, belongs, slack
from registry.facts import Facts, RecomputedFacts
from tests.checks.sound import ACCURACY, FACTS, METRIC


def own(value: float | None, step: int | None = None, facts: Facts = FACTS) -> Facts:
    return replace(facts, recomputed=RecomputedFacts(value, 360, step))


def series(**changed: object) -> Facts:
    return replace(FACTS, series={"test/accuracy": replace(ACCURACY, **changed)})  # type: ignore[arg-type]


LIVE = ("live", "its history arrived while it ran, without a gap")


OWN = ("recomputed", "the registry computed 91.2 % itself, from the predictions that the run handed in")


@pytest.mark.parametrize(
    ("live", "recomputed", "said"),
    [(False, "", []), (True, "", [LIVE]), (False, "91.2 %", [OWN]), (True, "91.2 %", [LIVE, OWN])],
)
def test_a_badge_says_what_was_seen(live: bool, recomputed: str, said: list[tuple[str, str]]) -> None:
    found = badges(live=live, recomputed=recomputed)
    assert [(badge.word, badge.sentence) for badge in found] == said
    assert badges(live=True) == badges(live=True, recomputed="")


def test_without_anything_to_compare_nothing_agrees() -> None:
    sound = own(0.912)
    assert agrees(sound) is True
    assert belongs(sound) is True
    for nothing in (FACTS, replace(sound, metric=None), replace(sound, series={})):
        assert agrees(nothing) is False
        assert belongs(nothing) is False
    for no_value in (own(None), own(0.912, facts=series(headline=None))):
        assert agrees(no_value) is False
        assert belongs(no_value) is True


def test_predictions_belong_to_the_step_that_counts() -> None:
    other = series(headline_step=0)
    for step, has in ((None, True), (0, True), (19, False), (1, False)):
        assert belongs(own(0.912, step, other)) is has
        assert agrees(own(0.912, step, other)) is has


@pytest.mark.parametrize(
    ("changed", "value", "most"),
    [
        ({"decimals": 2, "percent": True}, 0.912, 0.5 * 10.0**-4),
        ({"decimals": 2, "percent": False}, 0.912, 0.5 * 10.0**-2),
        ({"decimals": 0, "percent": False}, 0.912, 0.5),
        ({"decimals": 3, "percent": False}, -2e9, 2e9 * 1e-9),
        ({"decimals": 2, "percent": True, "tolerance": 0.25}, 0.912, 0.25),
    ],
)
def test_how_far_apart_two_values_may_be(changed: dict[str, object], value: float, most: float) -> None:
    assert slack(replace(METRIC, **changed), value) == most  # type: ignore[arg-type]


def test_at_the_edge_they_agree_and_beyond_it_they_do_not() -> None:
    """In numbers that binary fractions have exactly."""
    wide = replace(series(headline=0.5), metric=replace(METRIC, tolerance=0.25))
    for value, has in ((0.25, True), (0.75, True), (0.7500001, False), (0.2499999, False)):
        assert agrees(own(value, facts=wide)) is has

"""The registry's own value stands beside the reported one, and refutes it where they differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.checks.headline_recomputed import headline_recomputed
from registry.facts import Facts, RecomputedFacts
from tests.checks.sound import FACTS, REPORT

SERIES = FACTS.series[FACTS.metric.name] if FACTS.metric else None
assert SERIES is not None
assert SERIES.headline is not None
VALUE, STEP = SERIES.headline, SERIES.headline_step


def beside(own: RecomputedFacts) -> Facts:
    return replace(FACTS, recomputed=own)


@pytest.mark.parametrize(
    ("own", "outcome", "refutes", "words"),
    [
        (RecomputedFacts(VALUE, 360, STEP), "pass", False, "predictions of 360 examples"),
        (RecomputedFacts(VALUE, 360, None), "pass", False, "predictions of 360 examples"),
        (RecomputedFacts(VALUE - 0.05, 360, STEP), "fail", True, "the registry computes"),
        (RecomputedFacts(VALUE - 0.05, 360, (STEP or 0) + 1), "pass", False, "not of the one that counts"),
        (RecomputedFacts(None, 0, STEP, "no label column"), "pass", False, "no label column"),
    ],
)
def test_what_follows(own: RecomputedFacts, outcome: str, refutes: bool, words: str) -> None:
    found = headline_recomputed(REPORT, beside(own))
    assert (found.outcome, found.refutes) == (outcome, refutes)
    assert words in found.reason

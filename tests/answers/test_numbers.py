"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.numbers import ago, clean, counted, delta, listed, plain, short, shown, size, span

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "percent", "decimals", "reads"),
    [
        (0.91237, True, 2, "91.24 %"),
        (0.5, True, 0, "50 %"),
        (0.123456, False, 3, "0.123"),
        (1.2e-7, False, 2, "1.2e-07"),
        (-0.0, False, 2, "0.00"),
        (0.0, False, 2, "0.00"),
        (4.2e12, False, 2, "4.2e+12"),
        (None, True, 2, "no value"),
        (math.nan, True, 2, "NaN"),
        (-math.inf, False, 2, "-Infinity"),
    ],
)
def test_shown(value: float | None, percent: bool, decimals: int, reads: str) -> None:
    assert shown(value, percent, decimals) == reads


def test_delta() -> None:
    assert delta(0.0042, True, 2) == "+0.42 points"
    assert delta(-0.5) == "-0.50"
    assert delta(0.0) == "0.00"
    assert delta(None) == "no value"


def test_times() -> None:
    assert ago(NOW, NOW - timedelta(seconds=2)) == "just now"
    assert ago(NOW, NOW + timedelta(minutes=2)) == "just now"
    assert ago(NOW, NOW - timedelta(minutes=7)) == "7 min ago"
    assert ago(NOW, NOW - timedelta(hours=3, minutes=20)) == "3 h 20 min ago"
    assert ago(NOW, NOW - timedelta(days=5)) == "5 d ago"
    assert ago(NOW, NOW - timedelta(days=90)) == "2026-08-26"
    assert span(0) == "0 s"


def test_small_words() -> None:
    assert short("a" * 40) == "a" * 12
    assert short(None) == "none"
    assert plain(0.90140001) == "0.9014"
    assert size(5_321) == "5.3 kB"
    assert size(None) == "unknown size"
    assert counted(1, "run") == "1 run"
    assert counted(1_200, "run") == "1,200 runs"
    assert listed(["a", "b", "c", "d"], 3) == "a, b, c and 1 more"
    assert listed(["a", "b"]) == "a and b"
    assert listed([]) == ""


def test_clean_leaves_nothing_that_turns_or_hides_text() -> None:
    assert clean("a\x00b\u202ec\n\nd\ud800") == "abc d"
    assert clean("x" * 100, 10) == "x" * 9 + "…"
    assert clean("實驗 模型") == "實驗 模型"


@given(st.text(), st.integers(1, 60))
def test_clean_is_one_short_line(text: str, longest: int) -> None:
    cleaned = clean(text, longest)
    assert len(cleaned) <= longest
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


@given(st.floats(), st.booleans(), st.integers(-3, 40))
def test_any_float_reads_short(value: float, percent: bool, decimals: int) -> None:
    assert len(shown(value, percent, decimals)) < 40

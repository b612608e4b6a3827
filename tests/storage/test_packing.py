"""Whatever is packed comes back: any bits of a float64, any int64, any number of metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.packing import NONE, Points, pack, together, unpack

int64 = st.integers(-(2**63), 2**63 - 1)
float_bits = st.integers(0, 2**64 - 1)  # every NaN with its payload, infinities, denormals, -0.0
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def some_points(draw: st.DrawFn) -> Points:
    rows = draw(st.lists(st.tuples(int64, int64, float_bits), max_size=60))
    steps, times, bits = ([row[i] for row in rows] for i in range(3))
    return Points(np.array(steps, np.int64), np.array(times, np.int64), np.array(bits, np.uint64).view(np.float64))


def same(one: Points, other: Points) -> bool:
    return (
        one.steps.tolist() == other.steps.tolist()
        and one.times.tolist() == other.times.tolist()
        and one.values.view(np.uint64).tolist() == other.values.view(np.uint64).tolist()
    )


@settings(deadline=None)
@given(st.dictionaries(names, some_points(), max_size=5))
def test_every_bit_comes_back(series: dict[str, Points]) -> None:
    back = unpack(pack(series))
    assert list(back) == list(series)
    assert all(same(back[name], series[name]) for name in series)


def test_the_values_that_others_lose() -> None:
    values = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7e308, 0.1 + 0.2])
    steps = np.array([2**63 - 1, -(2**63), 0, -1, 1, 2**62, -(2**62), 7])
    points = Points(steps, steps[::-1].copy(), values)
    assert same(unpack(pack({"x": points}))["x"], points)


def test_a_usual_series_is_small() -> None:
    count = 4_096
    random = np.random.default_rng(1)
    values = np.exp(-np.arange(count) / 900) + random.normal(0, 0.01, count).astype(np.float32)
    points = Points(np.arange(count), 1_790_000_000_000 + np.arange(count) * 250, values)
    assert len(pack({"": points})) / count < 9  # 24 bytes as they are; the noise of a float64 alone is 7


@pytest.mark.parametrize("damage", [b"", b"\x02abc", b"\x01", b"\x01garbage"])
def test_other_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="packed points"):
        unpack(damage)


@settings(deadline=None)
@given(some_points(), st.data())
def test_a_frame_cut_short_is_refused(points: Points, data: st.DataObject) -> None:
    frame = pack({"x": points})
    with pytest.raises(ValueError, match="packed points"):
        unpack(frame[: data.draw(st.integers(0, len(frame) - 1))])


def test_nothing_is_also_something() -> None:
    assert unpack(pack({})) == {}
    assert len(unpack(pack({"x": NONE}))["x"]) == 0
    assert together([]) is NONE

"""A digest of values covers all of their content: two contents never have one digest, one content has one."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import math
import subprocess
import sys
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import count
from trackrecord.capture.values import can_wait, of_value

ARRAY = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)


@pytest.mark.parametrize(
    "other",
    [
        ARRAY.astype(numpy.float64),
        ARRAY.reshape(4, 3),
        ARRAY + numpy.float32(1e-6),
        ARRAY[:2],
        [ARRAY],
        (ARRAY, None),
        {"x": ARRAY},
        ARRAY.tolist(),
    ],
)
def test_arrays_differ_by_type_shape_and_content(other: Any) -> None:
    assert of_value(ARRAY).digest != of_value(other).digest


def test_arrays_are_equal_by_content_whatever_their_memory_is_like() -> None:
    same = [
        ARRAY.copy(),
        numpy.asfortranarray(ARRAY),
        ARRAY.astype(">f4"),
        numpy.repeat(ARRAY, 2, axis=0)[::2],
        ARRAY[::-1][::-1],
    ]
    assert {of_value(each).digest for each in same} == {of_value(ARRAY).digest}
    assert of_value(ARRAY).count == 3


def test_an_array_is_the_format_that_is_written_down() -> None:
    content = b"trackrecord-array-1\n<f4 [3, 4]\n" + ARRAY.tobytes()
    assert of_value(ARRAY).digest == hashlib.sha256(content).hexdigest()
    assert of_value(ARRAY).size == len(content)


RECORD = [("a", "<f4"), ("b", "<i4")]
LONG = numpy.arange(3000)
DIFFERENT: list[Any] = [
    None, True, 1, 1.0, "1", b"1", math.nan, "nan", [1], [[1]], {1}, {"1": 1}, {1: 1}, {"1": "1"}, [], {}, "",
    [1, "23"], ["12", "3"], [["a"], ["b"]], [["a", "b"], []], [None, "x"], ["None", "x"],
    decimal.Decimal(1), datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1),  # noqa: DTZ001
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "2020-01-01", datetime.timedelta(1), 1 + 0j,
    numpy.array([1, 2]), numpy.array([1, 2], "i4"), numpy.array([1, 2], "u8"), numpy.array([[1, 2]]), numpy.int64(1),
    numpy.array(["a", "bc"], object), numpy.array(["ab", "c"], object), numpy.array(["a", "bc"]),
    numpy.array([1, "1"], object), numpy.array([b"x", 1], object), numpy.array(["b'x'", 1], object),
    numpy.array([None, 1], object), numpy.array([math.nan, 1], object),
    # As text, both are "0 1 2 ... 2997 2998 2999" or so.
    numpy.array([LONG, LONG[:-1]], object), numpy.array([LONG, numpy.append(LONG[:-2], 0)], object),
    numpy.ma.array([1, 2], mask=[0, 1]), numpy.ma.array([1, 2], mask=[0, 0]),
    numpy.zeros(2, RECORD), numpy.zeros(2, [("a", "<f4"), ("c", "<i4")]), numpy.zeros(2, [("a", "<i4"), ("b", "<f4")]),
    numpy.array([1, 2], "M8[s]"), numpy.array([1, 2], "M8[ms]"), numpy.array([1, 2], "m8[s]"),
    numpy.zeros((0, 3)), numpy.zeros((3, 0)), numpy.zeros(0), numpy.array([""]), numpy.array(["", ""]),
]  # fmt: skip


def test_no_two_of_these_are_one() -> None:
    digests = [of_value([each]).digest for each in DIFFERENT]
    assert len(set(digests)) == len(DIFFERENT)


def test_every_row_counts() -> None:
    """The digest of MLflow reads 10,000 rows: zero the others, and it stays."""
    images = numpy.ones((20_000, 28, 28), numpy.uint8)
    before = of_value(images).digest
    images[19_999, 27, 27] = 0
    assert of_value(images).digest != before
    assert of_value(images.reshape(20_000, 784)).digest != of_value(images).digest


def test_nested_values_and_what_has_no_content() -> None:
    x, y = ARRAY, numpy.array([1, 2, 3])
    assert of_value((x, y)).digest == of_value([x, y]).digest != of_value((y, x)).digest
    assert of_value({"x": x, "y": y}).digest == of_value({"y": y, "x": x}).digest
    assert of_value({3, 1, 2}).digest == of_value({1, 2, 3}).digest
    assert of_value(numpy.ma.array([1, 2], mask=[0, 1])).digest == of_value(numpy.ma.array([1, 9], mask=[0, 1])).digest

    class Quantity(numpy.ndarray[Any, Any]):
        unit = "m"

    for bad in (object(), [object()], numpy.array([object()]), ARRAY.view(Quantity), (each for each in [1])):
        with pytest.raises(TypeError):
            of_value(bad)
    nested: Any = []
    for _ in range(20):
        nested = [nested]
    with pytest.raises(TypeError, match="nested too deep"):
        of_value(nested)
    large = bytes(5 << 20)
    assert can_wait(large)
    assert can_wait(large.decode())
    assert not can_wait(large[:1000])
    assert not can_wait(bytearray(large))
    assert not can_wait(numpy.zeros(5 << 20))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.soak
@settings(max_examples=count(100, 20_000), deadline=None)
@given(PLAIN, PLAIN)
def test_equal_content_is_equal_digest_and_no_other(one: Any, other: Any) -> None:
    assert (of_value([one]).digest == of_value([other]).digest) == (_told(one) == _told(other))


def _told(value: Any) -> str:
    """A value as text that tells 1 from True and from 1.0; mappings by their sorted keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_told(value[key])}" for key in sorted(value, key=repr)) + "}"
    return "[" + ",".join(map(_told, value)) + "]" if isinstance(value, list) else repr(value)


def test_a_large_array_is_never_copied_whole() -> None:
    source = """
import numpy, resource
from trackrecord.capture.values import of_value
array = numpy.zeros((1000, 300_00), numpy.float32)
array += 1
views = [array, array.T, array[:, ::-1], array.view(">f4")]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for each in views:
    of_value(each)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout)
    assert grown < 60_000  # kB, of 120 MB

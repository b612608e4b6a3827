"""JSON and base64 that have one reading: at every limit, and in whole sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trackrecord import strict
from trackrecord.errors import TrackrecordError

AGAIN = "Fetch it again: trackrecord receipt RUN."


def said(call: Callable[[], object]) -> str:
    """Why it was refused; the frame of the sentence, its mend and its status are always the same."""
    with pytest.raises(TrackrecordError) as refused:
        call()
    assert (refused.value.hint, refused.value.status) == (AGAIN, 422)
    start = "The file cannot be read: "
    assert refused.value.message.startswith(start)
    return refused.value.message.removeprefix(start)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'"\xff"', "it is not UTF-8."),
        (b'"\xed\xa0\x80"', "it is not UTF-8."),
        (b'{"a": 1,', "at character 8 it is not JSON."),
        (b"[1] 2", "at character 4 it is not JSON."),
        (b"", "at character 0 it is not JSON."),
        (b"[" * 200_000, "it is nested too deeply."),
        (b'{"a": {"b": 1, "b": 1}}', "an object has the same key twice."),
        (b"1" * 41, "a number is too long."),
        (b"[NaN]", "it has NaN or Infinity, which JSON has not."),
        (b"[-Infinity]", "it has NaN or Infinity, which JSON has not."),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_has_no_one_reading_is_refused(content: bytes, why: str) -> None:
    assert said(lambda: strict.parse(content, "The file", 1 << 20)) == why


def test_a_file_may_be_as_long_as_it_may_be() -> None:
    content = b'{"a": "' + b"b" * 1_991 + b'"}'
    assert strict.parse(content, "The file", 2_000) == {"a": "b" * 1_991}
    assert said(lambda: strict.parse(content + b" ", "The file", 2_000)) == "it is larger than 2,000 bytes."


def test_what_has_one_reading_is_read() -> None:
    text = '{"a": [1, -2.5e3, true, null, "\\u00fc"], "b": {"a": {}}}'
    assert strict.parse(text.encode(), "The file", 100) == {"a": [1, -2500.0, True, None, "ü"], "b": {"a": {}}}
    assert strict.parse(b"1" * 40, "The file", 100) == int("1" * 40)


@pytest.mark.parametrize(
    "text",
    [None, 7, b"QUJD", "QUJ", "QUJDR", "QUJD\n", "QU JD", "QUI=\n", "QUJ=", "QUI", "QUI==", "QUJD=", "-_8=", "ü"],
)
def test_base64_has_one_spelling(text: object) -> None:
    assert said(lambda: strict.from_base64(text, "The file")) == "a part of it is not base64."


@pytest.mark.parametrize(
    ("text", "found"), [("", b""), ("QQ==", b"A"), ("QUI=", b"AB"), ("QUJD", b"ABC"), ("+/8=", b"\xfb\xff")]
)
def test_base64_is_read(text: str, found: bytes) -> None:
    assert strict.from_base64(text, "The file") == found

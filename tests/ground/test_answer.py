"""An answer survives the wire whole, and an older client says what it cannot draw."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trackrecord.answer import Answer, Chart, Code, Facts, FollowUp, Link, Note, Series, Table

text = st.text(max_size=30)
tone = st.sampled_from(["plain", "good", "warn", "bad"])
cell = st.none() | text | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    width = draw(st.integers(1, 4))
    columns = tuple(draw(text) for _ in range(width))
    rows = tuple(tuple(draw(cell) for _ in range(width)) for _ in range(draw(st.integers(0, 4))))
    align = tuple(draw(st.lists(st.sampled_from(["left", "right"]), max_size=width)))
    return Table(columns, rows, draw(text), align, draw(st.integers(0, 9)))


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    ys = tuple(draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5)))
    lines = (Series(draw(text), tuple(float(x) for x in range(len(ys))), ys, draw(st.none() | st.just(0))),)
    return Chart(draw(text), "line", lines, draw(text), draw(text), draw(text), tuple(draw(st.lists(text, max_size=3))))


parts = st.one_of(
    st.builds(Note, text, tone),
    st.builds(Facts, st.lists(st.tuples(text, text), max_size=4).map(tuple), text),
    tables(),
    st.builds(Code, text, text, text),
    charts(),
    st.builds(Link, text, text),
)
answers = st.builds(
    Answer,
    text,
    text,
    st.lists(parts, max_size=5).map(tuple),
    tone,
    st.lists(st.builds(FollowUp, text, text, text), max_size=3).map(tuple),
)


@given(answers)
def test_an_answer_comes_back_from_json_as_it_was(answer: Answer) -> None:
    assert Answer.from_json(json.loads(json.dumps(answer.as_json()))) == answer


def test_a_part_of_a_later_version_is_named_and_not_lost() -> None:
    answer = Answer.from_json({"title": "t", "text": "x", "parts": [{"part": "hologram", "depth": 3}]})
    assert answer.parts == (Note("(this version of trackrecord cannot draw a hologram; upgrade it)", "warn"),)

"""An answer in a terminal: aligned, whole, and unable to steer the terminal."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackrecord.answer import Answer, Chart, Code, Facts, FollowUp, Link, Note, Series, Table
from trackrecord.text import draw


def _drawn(*parts: Any, **more: Any) -> str:
    return draw(Answer("Title", "text", parts), **more)


def test_a_whole_answer() -> None:
    answer = Answer(
        "Best of milestone-1",
        "brave-otter-42 leads.",
        (
            Note("Verified runs only."),
            Table(
                ("run", "value", "when"),
                (("brave-otter-42", "91.2", None), ("calm-elk-7", "9.1", "2 d")),
                align=("left", "right"),
                cut=3,
            ),
            Facts((("commit", "3f2a"), ("owner", "ada")), title="About"),
            Code("git clone x\ncd x\n", title="Code"),
            Chart(
                "Accuracy",
                "line",
                (Series("a", (0, 1, 2), (0.1, 0.5, 0.9), best=2), Series("b", (0,), (0.4,))),
                alt="From 0.1 to 0.9.",
            ),
            Chart("Leaders", "bar", (Series("value", (0, 1), (4.0, 2.0)),), alt="4 and 2.", labels=("one", "two")),
            Link("The page", "/runs/x"),
            Link("Docs", "https://example.org/d"),
        ),
        follow_ups=(FollowUp("Repeat", "repro", "brave-otter-42"),),
    )
    assert draw(answer, base_url="http://registry:8321/") == (
        "Best of milestone-1\n\n"
        "Verified runs only.\n\n"
        "run             value  when\n"
        "brave-otter-42   91.2\n"
        "calm-elk-7        9.1  2 d\n"
        "… and 3 more\n\n"
        "About\ncommit  3f2a\nowner   ada\n\n"
        "Code\ngit clone x\ncd x\n\n"
        "Accuracy\na  ▁▅█  0.1 -> 0.9, best 0.9 at 2\nb  ▄  0.4\nFrom 0.1 to 0.9.\n\n"
        f"Leaders\none  {'█' * 40} 4\ntwo  {'█' * 20} 2\n4 and 2.\n\n"
        "The page: http://registry:8321/runs/x\n\n"
        "Docs: https://example.org/d\n\n"
        "next: trackrecord repro brave-otter-42  (Repeat)\n"
    )


def test_without_parts_the_sentence_is_drawn() -> None:
    assert draw(Answer("", "Nothing is there.")) == "Nothing is there.\n"
    assert draw(Answer("", "Down.", tone="bad")) == "!! Down.\n"


def test_wide_letters_take_two_columns() -> None:
    table = Table(("名", "v"), (("模型一", "1"), ("abcdef", "2"), ("e\u0301", "3")))
    assert _drawn(table).splitlines()[2:] == ["名      v", "模型一  1", "abcdef  2", "e\u0301       3"]


def test_colours_only_when_asked_and_never_alone() -> None:
    plain, painted = _drawn(Note("careful", "warn")), _drawn(Note("careful", "warn"), colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", painted) == plain
    assert "! careful" in plain


def test_long_notes_wrap_and_commands_do_not() -> None:
    drawn = _drawn(Note("word " * 60), Code("x" * 300), width=60)
    lines = drawn.splitlines()
    assert max(len(line) for line in lines if "word" in line) <= 60
    assert "x" * 300 in lines


def test_a_spike_survives_the_thinning() -> None:
    ys = [0.5] * 1_000
    ys[777] = 9.0
    drawn = _drawn(Chart("c", "line", (Series("s", tuple(map(float, range(1_000))), tuple(ys)),), alt="a"))
    assert drawn.count("█") == 1


@pytest.mark.parametrize("ys", [(1.0, 1.0), (0.0,), (-1e308, 1e308), (5e-324, 1e-323), (-3.0, -1.0)])
def test_odd_series_are_drawn(ys: tuple[float, ...]) -> None:
    xs = tuple(map(float, range(len(ys))))
    _drawn(Chart("c", "line", (Series("s", xs, ys),), alt="a"))
    _drawn(Chart("c", "bar", (Series("s", xs, ys),), alt="a", labels=("x",) * len(ys)))


def test_empty_and_ragged_parts_are_drawn() -> None:
    _drawn(
        Table((), ()),
        Table(("a",), (("1", "2", "3"), ())),
        Facts(()),
        Code(""),
        Chart("c", "line", (), alt=""),
        Chart("c", "bar", (), alt=""),
    )


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_no_text_can_steer_the_terminal(one: str, two: str, three: str) -> None:
    answer = Answer(
        one,
        two,
        (
            Note(two),
            Facts(((one, three),), title=two),
            Table((one, two), ((three, one),), title=three),
            Code(f"{one}\n{two}", title=three),
            Chart(one, "line", (Series(two, (0.0,), (1.0,)),), alt=three),
            Chart(one, "bar", (Series(two, (0.0,), (1.0,)),), alt=three, labels=(one,)),
            Link(one, two),
        ),
        follow_ups=(FollowUp(one, two, three),),
    )
    drawn = draw(answer)
    assert not [sign for sign in drawn if (ord(sign) < 32 and sign not in "\n\t") or 0x7F <= ord(sign) <= 0x9F]
    assert not set(drawn) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")

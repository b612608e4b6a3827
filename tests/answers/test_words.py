"""Typed words become arguments; what cannot be followed is refused with the command to type instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import ask as asking
from registry.asker import Asker
from registry.words import Between, Condition, RunRef, Since, conditions, split
from trackrecord.answer import Answer
from trackrecord.errors import TrackrecordError

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SLACK = Asker(prefix="/")
seen: dict[str, Any] = {}


def leading(
    session: object,
    asker: Asker,
    now: datetime,
    project: str = "",
    metric: str = "",
    *,
    top: Annotated[int, Between(1, 25)] = 5,
    since: Since | None = None,
    owner: str = "",
    where: tuple[Condition, ...] = (),
    by: Literal["run", "config"] = "run",
    all: bool = False,
) -> Answer:
    """Who leads.

    More about it.
    """
    seen.update(project=project, metric=metric, top=top, since=since, owner=owner, where=where, by=by, all=all)
    return Answer("leading", "leading")


def pair(session: object, asker: Asker, now: datetime, *runs: RunRef) -> Answer:
    """Some runs."""
    seen.update(runs=runs)
    return Answer("pair", "pair")


def one(session: object, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """One run."""
    seen.update(run=run)
    return Answer("one", "one")


@pytest.fixture(autouse=True)
def _questions(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {function.__name__: function for function in (leading, pair, one)}
    monkeypatch.setattr(asking, "functions_in", lambda _package: known)
    seen.clear()


def put(question: str, words: str) -> dict[str, Any]:
    asking.ask(None, question, words, SLACK, NOW)  # type: ignore[arg-type]
    return seen


def refused(question: str, words: str) -> TrackrecordError:
    with pytest.raises(TrackrecordError) as caught:
        asking.ask(None, question, words, SLACK, NOW)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    "words",
    [
        "milestone-1 accuracy top=3",
        "top=3 milestone-1 accuracy",
        "milestone-1 top=3 accuracy",
        "  milestone-1\taccuracy   top = 3 ",
        "milestone-1 accuracy top= 3",
        "milestone-1 accuracy top =3",
        '"milestone-1" “accuracy” top="3"',
        "‘milestone-1’ 'accuracy' top=‘3’",
        "milestone-1 accuracy top＝3",
        "milestone-1 accuracy top:3",
        "milestone-1 accuracy top：３",
        "milestone-1 accuracy --top=3",
        "milestone-1 accuracy —top=3",
        "milestone-1　accuracy　top=3",
        "project=milestone-1 metric=accuracy TOP=3",
        "metric=accuracy milestone-1 top=3",
        "mile\u200bstone-1 accuracy top=3",
    ],
)
def test_the_same_thing_typed_in_many_ways(words: str) -> None:
    found = put("leading", words)
    assert (found["project"], found["metric"], found["top"]) == ("milestone-1", "accuracy", 3)


def test_defaults_stand_where_nothing_is_typed() -> None:
    assert put("leading", "") == {
        "project": "",
        "metric": "",
        "top": 5,
        "since": None,
        "owner": "",
        "where": (),
        "by": "run",
        "all": False,
    }


def test_values_become_what_the_signature_says() -> None:
    found = put("leading", 'since=2w owner=@ada by=Config all=yes where=lr<0.01,opt=adam where="x.y >= 2"')
    assert found["since"] == Since(NOW - timedelta(weeks=2))
    assert (found["owner"], found["by"], found["all"]) == ("ada", "config", True)
    assert found["where"] == (
        Condition("lr", "<", "0.01", 0.01),
        Condition("opt", "=", "adam", None),
        Condition("x.y", ">=", "2", 2.0),
    )
    assert put("leading", "since=2026-11-01")["since"] == Since(datetime(2026, 11, 1, tzinfo=UTC))


def test_a_colon_in_a_name_stays_a_colon() -> None:
    assert put("leading", "test:acc@1")["project"] == "test:acc@1"


def test_an_apostrophe_is_a_letter() -> None:
    assert put("leading", "ada's")["project"] == "ada's"
    assert put("leading", '"never closed')["project"] == '"never'


def test_every_word_that_is_left_goes_to_a_list() -> None:
    assert put("pair", "a b-1 c")["runs"] == ("a", "b-1", "c")
    assert put("pair", "")["runs"] == ()


@pytest.mark.parametrize(
    ("words", "says", "write"),
    [
        ("x top=99", "from 1 to 25", "/leading x top=5"),
        ("x top=0", "from 1 to 25", "/leading x top=5"),
        ("x top=abc", "from 1 to 25", "/leading x top=5"),
        ("x top=" + "9" * 900, "from 1 to 25", "/leading x top=5"),
        ("x tpo=3", 'no option "tpo"', "/leading x top=3"),
        ("x lr=0.01", 'no option "lr"', "/leading x where=lr=0.01"),
        ("x y lr<0.01", '"lr<0.01"', "/leading x y where=lr<0.01"),
        ("x y z", '"z"', "/leading x y"),
        ("x since=yesterday", "30d", "/leading x since=30d"),
        ("x since=999999w", "30d", "/leading x since=30d"),
        ("x by=seed", "run, config", "/leading x by=run"),
        ("x all=perhaps", "yes or no", "/leading x all=no"),
        ("x where=lr", "lr<0.01", "/leading x where=lr<0.01"),
        ("x where=lr<big", "only with a number", "/leading x where=lr<0.01"),
        ("x top=3 top=4", "twice", "/leading x top=3"),
        ("x owner=", "no value", "/leading x"),
    ],
)
def test_a_refusal_says_what_to_type(words: str, says: str, write: str) -> None:
    error = refused("leading", words)
    assert says in error.message
    assert error.hint.startswith(f"Write: {write}")
    command = error.hint.removeprefix("Write: /leading").split(" (usage")[0].split("; ")[0]
    put("leading", command)  # the corrected command is one that is understood


def test_a_missing_run_says_so() -> None:
    assert refused("one", "").hint.startswith("Write: /one run; /recent lists runs.")
    assert '"b"' in refused("one", "a b").message


def test_unknown_questions_are_guessed() -> None:
    assert refused("leadign", "").hint == "Did you mean: /leading"
    assert refused("xyzzy", "").hint == "/help lists the questions."
    assert refused("xyzzy", "").status == 404
    assert put("LEADING", "x")["project"] == "x"


def test_too_long_is_refused_without_an_echo() -> None:
    error = refused("leading", "y" * 5_000)
    assert "too long" in error.message
    assert "yyy" not in str(error)


def test_help_lists_and_explains() -> None:
    listed = asking.ask(None, "help", "", SLACK, NOW).parts[0]  # type: ignore[arg-type]
    assert ("/one run", "One run.") in listed.rows  # type: ignore[union-attr]
    assert ("/pair run run …", "Some runs.") in listed.rows  # type: ignore[union-attr]
    for words in ("help leading", "leading help", "leading ?"):
        question, _, rest = words.partition(" ")
        text = str(asking.ask(None, question, rest, SLACK, NOW))  # type: ignore[arg-type]
        assert "Who leads." in text
        assert "More about it." in text
        assert "[top=5]" in text
        assert "[where=lr<0.01]" in text
    assert refused("help", "leadign").hint == "Did you mean: /leading"


def test_writing_is_told_by_the_first_parameter() -> None:
    def again(writing: object, asker: Asker, now: datetime) -> Answer:
        """Again."""
        return Answer("", "")

    assert asking._question("again", again).writes
    assert not asking._question("one", one).writes


@given(st.text(max_size=300))
def test_any_text_is_followed_or_refused(words: str) -> None:
    for question in ("leading", "pair", "one"):
        refusals = []
        try:
            put(question, words)
        except TrackrecordError as error:
            refusals.append(str(error))
        assert all(len(text) < 1_500 and "\n" not in text for text in refusals)


@given(
    st.lists(
        st.text(
            st.characters(categories=("L", "N", "P", "S"), exclude_characters="\"'`“”„‘’«»「」=＝:：-–—"),
            min_size=1,
            max_size=12,
        )
    )
)
def test_plain_words_come_through_as_they_are(words: list[str]) -> None:
    assert [word.text for word in split(" ".join(words), ["top"])] == words


@given(st.text(max_size=200))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        found = conditions(text)
    except ValueError:
        return
    assert all(each.key and each.value for each in found)

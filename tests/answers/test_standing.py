"""What was said about a run since, what is hidden of it, what it wears: told in every answer that touches it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry import corrections
from registry.badges import badges
from registry.db import transaction
from registry.facts import failed
from registry.tables import Finding, MetricDefinition, Placing, Project, Run
from registry.tokens import Caller
from tests.answers.conftest import Ask, asking
from tests.answers.team import NOW, TEAM, Try, make_project, make_run, place, run_id
from trackrecord.answer import Answer, Code, Facts, Note, Table
from trackrecord.report import CorrectionReport, Withdrawal

WHY = "evaluated on the training split"
LEAD = Caller(1, "lead", "maintainer", None)


def notes(answer: Answer) -> str:
    return "\n".join(part.text for part in answer.parts if isinstance(part, Note))


def facts(answer: Answer) -> dict[str, str]:
    return {key: value for part in answer.parts if isinstance(part, Facts) for key, value in part.pairs}


def rows(answer: Answer) -> dict[object, tuple[object, ...]]:
    return {row[0]: row[1:] for part in answer.parts if isinstance(part, Table) for row in part.rows}


def say(engine: sa.Engine, what: Withdrawal, run: str, instead: str | None = None) -> None:
    """By the real way: with an entry of the log."""
    report = CorrectionReport(what=what, reason=WHY, instead=run_id(instead) if instead else None)
    with transaction(engine) as session:
        corrections.correct(session, LEAD, run_id(run), report, NOW)


@pytest.mark.parametrize(
    ("what", "instead", "words"),
    [
        ("superseded", "eager-lynx-13", f"superseded by eager-lynx-13, says lead: {WHY}"),
        ("invalidated", None, f"invalidated by lead: {WHY}"),
        ("deleted", None, f"deleted by lead: {WHY}"),
    ],
)
def test_a_correction_is_told_at_once_wherever_the_run_is_shown(
    team: sa.Engine, what: Withdrawal, instead: str | None, words: str
) -> None:
    put = asking(team)
    assert facts(put("best"))["run"] == "brave-otter-42"
    say(team, what, "brave-otter-42", instead)
    best = put("best")
    assert facts(best)["run"] == "eager-lynx-13"
    assert words in notes(best)
    assert f"1 {what}" in notes(best)
    show = put("show", "brave-otter-42")
    assert show.title.startswith(f"brave-otter-42: {what}")
    assert f"{words} (2026-11-24 12:00 UTC)" in notes(show).replace(what.capitalize(), what)
    assert show.tone == "bad"
    assert words in show.text
    assert words in str(put("compare", "brave-otter-42 calm-heron-7"))
    assert words in str(put("recent", "top=50"))
    assert words in str(put("repro", "brave-otter-42")).replace(what.capitalize(), what)
    claimed = put("claim", "91.24 %")
    if what == "deleted":
        assert "No registered run" in claimed.text
        assert words not in str(put("unverified", "top=50"))  # nothing can be done about it
    else:
        assert claimed.title.endswith(what)
        assert words in claimed.text
        assert words in str(put("unverified", "top=50"))


def test_the_run_that_counts_in_the_end_is_named(team: sa.Engine) -> None:
    say(team, "superseded", "brave-otter-42", "calm-heron-7")
    say(team, "superseded", "calm-heron-7", "eager-lynx-13")
    answer = asking(team)("show", "brave-otter-42")
    assert "superseded by eager-lynx-13" in answer.text
    assert rows(asking(team)("unverified", "top=50"))["brave-otter-42"][3] == (
        "Look at the one that counts: /show eager-lynx-13"
    )


def test_a_tombstone_says_what_is_left(team: sa.Engine) -> None:
    say(team, "deleted", "brave-otter-42")
    put = asking(team)
    show = put("show", "brave-otter-42")
    assert "What the run held is gone. That it was tried stays counted." in notes(show)
    about = facts(show)
    assert (about["owner"], about["commit"]) == ("ada", TEAM_COMMIT)
    assert "value" not in about
    assert "lr" not in about
    assert "One of 5 runs of this configuration (2 verified, 1 deleted, 1 running and 1 silent)" in notes(show)
    repro = put("repro", "brave-otter-42")
    assert "What it held is gone: no recipe is left." in repro.text
    assert not [part for part in repro.parts if isinstance(part, Code)]
    assert [each.question for each in show.follow_ups] == ["best"]
    compared = put("compare", "calm-heron-7 brave-otter-42 eager-lynx-13")
    assert "What it held is gone" in notes(compared)
    assert rows(compared)["seed"] == ("2", "deleted", "3")
    assert rows(compared)["test/accuracy"] == ("90.61 %", "deleted", "91.02 % (+0.41, better)")
    assert "nothing left to look at" in put("recheck", "brave-otter-42").text


TEAM_COMMIT = "4015b57a143aec5156fd1444a017a32137a3fd0f"


def test_badges_stand_beside_the_verdict(team: sa.Engine) -> None:
    with transaction(team) as session:
        metric = session.exec(select(MetricDefinition)).one()
        session.get_one(Run, run_id("brave-otter-42")).live = True
        session.get_one(Placing, (run_id("brave-otter-42"), metric.id)).recomputed = 0.91241
    put = asking(team)
    for answer in (put("best"), put("show", "brave-otter-42")):
        assert facts(answer)["live"] == "its history arrived while it ran, without a gap"
        assert facts(answer)["recomputed"].startswith("the registry computed 91.24 % itself, from the predictions")
    assert "live" not in facts(put("show", "calm-heron-7"))
    standing = rows(put("compare", "brave-otter-42 calm-heron-7"))
    assert (standing["brave-otter-42"][1], standing["calm-heron-7"][1]) == ("live, recomputed", "none")


def test_a_badge_is_a_word_and_a_sentence() -> None:
    assert badges(live=False) == ()
    live, own = badges(live=True, recomputed="91.24 %")
    assert (live.word, own.word) == ("live", "recomputed")
    assert own.sentence == "the registry computed 91.24 % itself, from the predictions that the run handed in"


def test_a_check_that_the_project_does_not_ask_for_is_told_and_not_counted(engine: sa.Engine) -> None:
    lacks = failed("no lock file was recorded", "Commit one")
    with transaction(engine) as session:
        run = make_run(session, make_project(session), Try(name="free-swan-1", bad={"environment_locked": lacks}))
        session.get_one(Finding, (run.id, "environment_locked")).asked = False
        run.verdict = "verified"
        session.get_one(Placing, (run.id, run.metric_id)).verdict = "verified"
    put = asking(engine)
    show = put("show", "free-swan-1")
    assert "Verified: 15 of 15 checks passed (1 more not asked for by the project's rules)." in notes(show)
    assert "environment locked: failed; not asked for by the project's rules. no lock file was recorded." in notes(show)
    assert "Commit one" not in str(show)
    assert facts(put("best"))["run"] == "free-swan-1"
    assert put("unverified").tone == "good"


@pytest.mark.parametrize(
    ("minimum", "says"), [("live", "ranks live runs only"), ("recomputed", "ranks recomputed values only")]
)
def test_what_the_project_asks_of_a_board_beyond_the_verdict(team: sa.Engine, minimum: str, says: str) -> None:
    with transaction(team) as session:
        session.get_one(Project, "milestone-1").minimum = minimum
        metric = session.exec(select(MetricDefinition)).one()
        session.get_one(Run, run_id("quiet-finch-88")).live = True
        session.get_one(Placing, (run_id("quiet-finch-88"), metric.id)).recomputed = 0.8987
    put = asking(team)
    best = put("best")
    assert facts(best)["run"] == "quiet-finch-88"
    assert says in notes(put("best", "owner=ada"))
    assert says in put("show", "brave-otter-42").text
    assert says in str(put("unverified", "top=50"))
    assert says in put("claim", "91.24 %").text
    assert minimum in str(rows(put("projects"))["milestone-1"]) or "itself" in str(rows(put("projects")))


@pytest.fixture
def two_boards(team: sa.Engine) -> Ask:
    """The metric was defined anew on other data, and two runs were judged by that; another is in ms."""
    with transaction(team) as session:
        old = session.exec(select(MetricDefinition)).one()
        old.current, old.created_at = False, NOW - timedelta(days=3)
        values = old.model_dump(exclude={"id", "version", "current", "created_at", "dataset_digest"})
        new = MetricDefinition(**values, version=2, created_at=NOW - timedelta(days=1), dataset_digest="ab" * 32)
        speed = {**values, "name": "latency", "main": False, "percent": False, "unit": "ms", "decimals": 1}
        latency = MetricDefinition(**{**speed, "direction": "lower"}, created_at=NOW, dataset_digest=old.dataset_digest)
        session.add_all((new, latency))
        session.flush()
        for value, name in enumerate(("calm-heron-7", "quiet-finch-88")):
            run = session.get_one(Run, run_id(name))
            run.metric_id, run.headline = new.id, 0.8 + value / 100
            place(session, run, new, run.headline)
            place(session, run, latency, 12.34 + value)
    return asking(team)


def test_an_old_board_says_that_it_is_one(two_boards: Ask) -> None:
    assert facts(two_boards("best"))["run"] == "quiet-finch-88"
    old = two_boards("best", "milestone-1 test/accuracy version=1")
    assert facts(old)["run"] == "brave-otter-42"
    assert old.title == "Best verified run of milestone-1: 91.24 % test/accuracy (version 1, an old board)"
    said = old.parts[0]
    assert isinstance(said, Note)
    assert said.text == (
        "This is an old board: test/accuracy by version 1 (split test, digits/test 468dfd1b5fbd, last value), defined "
        "2026-11-21 12:00 UTC by lead. Version 2 took over 2026-11-23 12:00 UTC."
    )
    assert "higher" not in notes(old)
    assert ("best", "milestone-1 test/accuracy") in [(each.question, each.words) for each in old.follow_ups]
    assert isinstance(two_boards("best", "version=1 by=config").parts[0], Note)
    assert "An old board" not in str(two_boards("best", "version=2"))


def test_a_run_that_an_older_definition_judged_says_so(two_boards: Ask) -> None:
    now = "judged by an older definition of test/accuracy (version 1; version 2 counts now)"
    assert now in str(two_boards("recent", "top=50"))
    assert now in notes(two_boards("best", "owner=chen"))
    assert "higher" not in notes(two_boards("best"))  # values by different definitions do not compare
    assert "judged by an older definition of test/accuracy (version 1)" in two_boards("show", "brave-otter-42").text
    assert "different versions" in notes(two_boards("compare", "brave-otter-42 calm-heron-7"))


def test_a_unit_stands_behind_its_values(two_boards: Ask) -> None:
    best = two_boards("best", "latency")
    assert best.title == "Best verified run of milestone-1: 12.3 ms latency"
    assert "mean" in notes(best) or "one of them counts: 12.3 ms" in notes(best)
    assert rows(best)["quiet-finch-88"][0] == "13.3 ms"
    assert "not judged by this definition of latency yet" in notes(two_boards("best", "latency owner=chen"))


def test_projects_list_definitions_and_rules(two_boards: Ask) -> None:
    found = rows(two_boards("projects"))
    assert found["latency"][1:] == ("1", "digits/test 468dfd1b5fbd, test split", "last value, lower is better, ms")
    assert found["test/accuracy"][1] == "2"
    assert found["milestone-1"] == ("verified runs", "rebuilt and allowed", "every one")


def test_how_a_value_was_selected(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session)
        for number in range(9):
            make_run(session, metric, Try(name=f"try-{number}", last=0.90 + number / 1000, seed=number))
        for number in (9, 10):
            make_run(session, metric, Try(name=f"try-{number}", state="failed", error="OOM", seed=number))
        make_run(session, metric, Try(name="try-11", seed=11))
        make_run(session, metric, replace(TEAM[3]))
    say(engine, "deleted", "try-11")
    put = asking(engine)
    for answer, begins in ((put("best"), "Best"), (put("show", "try-2"), "One")):
        said = notes(answer)
        assert f"{begins} of 12 runs of this configuration (9 verified, 2 failed and 1 deleted); median 90.40 %" in said
        # Of 5 out of 9 the best is the k-th value in C(k-1, 4) of C(9, 5) cases: 90.00 + 0.1 * 7.333
        assert "the best of 5 such runs is expected at 90.73 %." in said
        assert "The 9 runs that count, over 9 seeds: mean 90.40 ± 0.27, from 90.00 to 90.80 %." in said
        assert "On the whole board: 10 verified of 13 runs (2 failed, 1 deleted). Runs never registered cannot" in said
    alone = notes(put("show", "quiet-finch-88"))
    assert "was tried once: how far seeds spread is not known" in alone


def test_few_values_give_no_figure(put: Ask) -> None:
    said = notes(put("best"))
    assert "median 91.02 %; 3 values are too few to say what the best of 5 is expected at." in said
    filtered = notes(put("best", "owner=chen"))
    assert "With these filters: 1 verified of 2 runs (1 killed). On the whole board: 5 verified of 12 runs" in filtered


def test_a_run_that_was_run_before_says_so(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session)
        make_run(session, metric, Try(name="first-crow-1", owner="ben", minutes=120))
        make_run(session, metric, Try(name="again-crow-2", minutes=60))
        make_run(session, metric, Try(name="other-crow-3", minutes=30, seed=5))
    put = asking(engine)
    said = "The same code, parameters and seeds ran before: first-crow-1 (ben, 2 h ago, same data)."
    assert said in notes(put("show", "again-crow-2"))
    assert "ran before" not in notes(put("show", "first-crow-1"))
    assert "ran before" not in notes(put("show", "other-crow-3"))
    compared = notes(put("compare", "first-crow-1 again-crow-2 other-crow-3"))
    assert "again-crow-2 has the same code, parameters and seeds as first-crow-1." in compared
    assert "other-crow-3 has the same" not in compared

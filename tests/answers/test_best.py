"""Who leads: verified runs only, and why the others do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry import history
from registry.db import transaction
from registry.kept import metric_facts
from registry.tables import MetricDefinition, Placing, Run
from tests.answers.conftest import Ask, asking
from tests.answers.team import NOW, TEAM, Try, make_project, make_run, object_id, place
from trackrecord.answer import Answer, Chart, Code, Facts, Note, Table
from trackrecord.errors import TrackrecordError
from trackrecord.report import CodeReport


def table(answer: Answer, title: str) -> Table:
    return next(part for part in answer.parts if isinstance(part, Table) and part.title == title)


def facts(answer: Answer, title: str = "") -> dict[str, str]:
    return dict(next(part for part in answer.parts if isinstance(part, Facts) and part.title == title).pairs)


def notes(answer: Answer) -> str:
    return "\n".join(part.text for part in answer.parts if isinstance(part, Note))


def chart(answer: Answer) -> Chart:
    return next(part for part in answer.parts if isinstance(part, Chart))


def test_the_winner_in_full(put: Ask) -> None:
    answer = put("best", "milestone-1")
    assert answer.title == "Best verified run of milestone-1: 91.24 % test/accuracy"
    assert "brave-otter-42 by ada" in answer.text
    about = facts(answer)
    assert about["commit"] == object_id("commit")
    assert len(about["commit"]) == 40
    assert (about["owner"], about["step"], about["seed"]) == ("ada", "29", "seed=1")
    assert about["value"] == "91.24 % test/accuracy (test split, last value)"
    assert "tree" not in about
    assert facts(answer, "Verified parameters") == {"batch": "32", "lr": "0.01", "optimizer.name": "sgd", "seed": "1"}


def test_leaders_with_their_spread(put: Ask) -> None:
    leaders = table(put("best"), "Leaders")
    assert [row[0] for row in leaders.rows] == [
        "brave-otter-42",
        "eager-lynx-13",
        "calm-heron-7",
        "bold-raven-5",
        "quiet-finch-88",
    ]
    std = np.std([0.9124, 0.9102, 0.9061], ddof=1) * 100
    assert leaders.rows[0][1:4] == ("91.24 %", f"±{std:.2f} over 3 seeds", "ada")
    assert leaders.rows[3][2] == "single seed"
    cut = table(put("best", "top=2"), "Leaders")
    assert (len(cut.rows), cut.cut) == (2, 3)


def test_who_does_not_count_and_why(put: Ask) -> None:
    said = notes(put("best"))
    assert "3 runs that do not count are higher: wild-gecko-3 97.10 %" in said
    assert "shy-badger-21 92.15 % (its commit was never pushed" in said
    assert "wild-gecko-3 97.10 % (it was measured on digits/validation" in said
    assert "sly-weasel-66 95.02 % (refuted: base and patch" in said
    assert "tired-crane-14 88.00 % (killed before it was done: SIGTERM)" in said
    assert "lost-moose-9 (test/accuracy ends as NaN)" in said
    assert "5 verified of 12 runs (1 refuted, 1 killed, 1 running, 1 silent)" in said
    assert "Best of 5 runs of this configuration (3 verified, 1 running and 1 silent)" in said
    assert "Runs never registered cannot be counted." in said
    assert "The number is the run's own report" in said


def test_the_curve_of_the_leaders(put: Ask) -> None:
    drawn = chart(put("best"))
    assert (drawn.kind, drawn.y_label) == ("line", "test/accuracy (%)")
    assert [line.name for line in drawn.series][:2] == ["brave-otter-42", "eager-lynx-13"]
    assert drawn.series[0].ys[-1] == pytest.approx(91.24)
    assert "brave-otter-42 ends at 91.24 %" in drawn.alt


def test_metrics_with_one_value_draw_a_like_history_or_bars(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session)
        for a_try in TEAM[:3]:
            run = make_run(session, metric, replace(a_try, metrics=("val/accuracy", "train/loss")))
            session.get_one(Placing, (run.id, metric.id)).headline = a_try.last
    put = asking(engine)
    assert chart(put("best")).y_label == "val/accuracy (%)"
    with transaction(engine) as session:
        for row in session.exec(sa.text("SELECT id FROM series WHERE metric = 'val/accuracy'")).all():  # type: ignore[call-overload]
            session.connection().execute(sa.text("UPDATE series SET count = 1 WHERE id = :id"), {"id": row[0]})
    bars = chart(put("best"))
    assert (bars.kind, bars.labels[0]) == ("bar", "brave-otter-42")
    assert bars.series[0].ys[0] == pytest.approx(91.24)


@pytest.mark.parametrize(
    ("words", "winner"),
    [
        ("owner=chen", "bold-raven-5"),
        ("owner=@ben", "quiet-finch-88"),
        ("where=lr<0.005", "bold-raven-5"),
        ("where=optimizer.name=adam", "bold-raven-5"),
        ("where=name=SGD", "brave-otter-42"),
        ("where=name!=sgd", "bold-raven-5"),
        ("where=lr>=0.01 where=batch=64", "quiet-finch-88"),
        ("since=4h", "bold-raven-5"),
        ("test/accuracy", "brave-otter-42"),
        ("accuracy milestone-1", "brave-otter-42"),
        ("milestone-1 accuracy", "brave-otter-42"),
        ("project=milestone-1", "brave-otter-42"),
    ],
)
def test_filters(put: Ask, words: str, winner: str) -> None:
    assert facts(put("best", words))["run"] == winner


def test_filters_that_nothing_fits(put: Ask) -> None:
    assert put("best", "where=lr>100").title == "No verified run of milestone-1 fits these filters"
    nobody = put("best", "owner=dana")
    assert "shy-badger-21" in notes(nobody)
    assert nobody.tone == "warn"


def test_configurations_by_their_mean(put: Ask) -> None:
    answer = put("best", "by=config")
    rows = next(part for part in answer.parts if isinstance(part, Table)).rows
    mean = np.mean([0.9124, 0.9102, 0.9061]) * 100
    assert rows[0][:4] == ("brave-otter-42", f"{mean:.2f} %", f"±{np.std([91.24, 91.02, 90.61], ddof=1):.2f}", "3")
    assert rows[1][2] == "single seed"


@pytest.mark.parametrize(
    ("words", "says", "write"),
    [
        ("milestone-2", 'no project "milestone-2"', "/best milestone-1"),
        ("milestone-1 tset/accuracy", 'metric "tset/accuracy"', "/best milestone-1 test/accuracy"),
        ("acuracy", 'metric "acuracy"', "/best test/accuracy"),
        ("owner=bne top=3", '"bne"', "/best owner=ben top=3"),
        ("where=lrr<1", 'parameter "lrr"', "/best milestone-1 where=lr<1"),
    ],
)
def test_what_was_meant(put: Ask, words: str, says: str, write: str) -> None:
    with pytest.raises(TrackrecordError) as caught:
        put("best", words)
    assert says in caught.value.message
    assert caught.value.hint.endswith(f"Write: {write}")
    assert caught.value.status == 404
    put("best", write.removeprefix("/best"))


def test_another_project_is_not_seen_by_who_may_not(team: sa.Engine) -> None:
    with transaction(team) as session:
        make_project(session, "secret-2")
    put = asking(team)
    with pytest.raises(TrackrecordError, match='no project "secret-2"') as caught:
        put("best", "secret-2", projects=frozenset({"milestone-1"}))
    assert "secret-2" not in caught.value.hint
    assert "secret" not in str(put("projects", projects=frozenset({"milestone-1"})))


def test_without_a_project_there_is_a_choice(team: sa.Engine) -> None:
    with transaction(team) as session:
        make_project(session, "milestone-2")
    put = asking(team)
    answer = put("best")
    assert answer.title == "Which project?"
    assert [next_.words for next_ in answer.follow_ups] == ["milestone-1", "milestone-2"]
    assert "91.24 %" in put("best", project="milestone-1").title


def test_an_empty_project_says_how_to_begin(engine: sa.Engine) -> None:
    put = asking(engine)
    assert put("best").title == "No project yet"
    with transaction(engine) as session:
        make_project(session)
    answer = asking(engine)("best")
    code = next(part for part in answer.parts if isinstance(part, Code))
    compile(code.text, code.filename, "exec")
    assert "test/accuracy" in code.text
    assert answer.title == "milestone-1 has no run yet"


def test_no_verified_run_yet(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session)
        for a_try in TEAM:
            if a_try.bad:
                make_run(session, metric, a_try)
    answer = asking(engine)("best")
    assert answer.title == "No verified run of milestone-1 counts yet"
    assert "never pushed" in notes(answer)


def test_lower_is_better_and_equal_is_the_earliest(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session, direction="lower", percent=False, decimals=3, tolerance=0.001)
        make_run(session, metric, Try(name="late", last=0.3001, minutes=10))
        make_run(session, metric, Try(name="early", last=0.3005, minutes=50, seed=1))
        make_run(session, metric, Try(name="worse", last=0.4, minutes=90))
    answer = asking(engine)("best")
    assert facts(answer)["run"] == "early"
    assert "late is equal inside the tolerance of 0.001: the earliest counts." in notes(answer)


def test_a_dirty_winner_shows_its_tree(engine: sa.Engine) -> None:
    dirty = CodeReport(
        commit=object_id("c"), tree=object_id("t"), base=object_id("c"), patch="a" * 64, dirty=True, changed=["x.py"]
    )
    with transaction(engine) as session:
        make_run(session, make_project(session), Try(name="dirty-one", code=dirty))
    assert facts(asking(engine)("best"))["tree"].startswith(object_id("t"))


def test_an_older_definition_does_not_rank(team: sa.Engine) -> None:
    with transaction(team) as session:
        old = session.exec(select(MetricDefinition)).one()
        old.current = False
        values = old.model_dump(exclude={"id", "version", "current"})
        session.add(MetricDefinition(**values, version=2, current=True))
    put = asking(team)
    assert put("best").title == "No verified run of milestone-1 counts yet"
    assert "older definition" in str(put("recent"))


def test_another_metric_is_measured_by_its_rule(team: sa.Engine) -> None:
    """A second metric has a board of its own: the runs that were verified by its definition, in its order."""
    with transaction(team) as session:
        main = session.exec(select(MetricDefinition)).one()
        values = main.model_dump(exclude={"id", "name", "main", "rule", "rule_metric", "direction"})
        second = MetricDefinition(**values, name="train/loss", rule="best", direction="lower", main=False)
        session.add(second)
        session.flush()
    put = asking(team)
    assert put("best", "train/loss").tone == "warn"
    with transaction(team) as session:
        for run in session.exec(select(Run)).all():
            place(session, run, second, *history.headline(session, run.id, metric_facts(second)))
    rows = table(put("best", "train/loss"), "Leaders").rows
    assert len(rows) == 5
    assert "wild-gecko-3" not in str(rows)
    values = [float(str(row[1]).split()[0]) for row in rows]
    assert values == sorted(values)


def test_a_thousand_runs(engine: sa.Engine) -> None:
    """Counting does not read reports or points; the best of many is the best of all."""
    with transaction(engine) as session:
        metric = make_project(session)
        first = make_run(session, metric, Try(name="first", last=0.5, steps=2))
        session.flush()
        base, runs = first.model_dump(), []
        for number in range(1_000):
            row = {
                **base,
                "id": f"{number:026}",
                "name": f"run-{number}",
                "headline": 0.3 + (number * 7919 % 1000) / 1e4,
            }
            runs.append(Run(**{**row, "received_at": NOW - timedelta(minutes=number)}))
        session.add_all(runs)
        session.flush()
        for run in runs:
            place(session, run, metric, run.headline)
    answer = asking(engine)("best", "top=1")
    assert facts(answer)["run"] == "first"
    assert "1,001 verified of 1,001 runs" in answer.text
    assert "±" in str(table(answer, "Leaders").rows[0][2])


@pytest.mark.parametrize(
    "name", ["<!channel>", "$x_$ \\foo{", "a" * 200, "\u202egnp.exe", "實驗", "'; DROP TABLE run; --"]
)
def test_hostile_names_are_shown_as_one_clean_line(engine: sa.Engine, name: str) -> None:
    with transaction(engine) as session:
        make_run(session, make_project(session), Try(name=name))
    put = asking(engine)
    shown = facts(put("best"))["run"]
    assert "\u202e" not in str(put("best"))
    assert len(shown) <= 60
    for question in ("recent", "unverified", "projects"):
        put(question)

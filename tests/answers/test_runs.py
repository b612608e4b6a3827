"""compare, show, recent, unverified, projects, recheck; and how runs are found."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from registry.db import reading, transaction
from registry.facts import refuted
from registry.tables import Run
from tests.answers.conftest import Ask, asking
from tests.answers.team import CHECKS, NOW, TEAM, Try, make_project, make_run, object_id, run_id
from trackrecord.answer import Answer, Chart, Code, Facts, Note, Table
from trackrecord.errors import TrackrecordError
from trackrecord.report import CodeReport


def tables(answer: Answer) -> dict[str, Table]:
    return {part.title: part for part in answer.parts if isinstance(part, Table)}


def rows(answer: Answer, title: str) -> dict[object, tuple[object, ...]]:
    return {row[0]: row[1:] for row in tables(answer)[title].rows}


def notes(answer: Answer) -> str:
    return "\n".join(part.text for part in answer.parts if isinstance(part, Note))


def facts(answer: Answer) -> dict[str, str]:
    return {key: value for part in answer.parts if isinstance(part, Facts) for key, value in part.pairs}


def charts(answer: Answer) -> list[Chart]:
    return [part for part in answer.parts if isinstance(part, Chart)]


def test_compare_shows_only_what_differs(put: Ask) -> None:
    answer = put("compare", "brave-otter-42 bold-raven-5")
    assert rows(answer, "Parameters") == {
        "lr": ("0.01", "0.003"),
        "optimizer.beta": ("none", "0.9"),
        "optimizer.name": ("sgd", "adam"),
        "seed": ("1", "0"),
    }
    assert rows(answer, "Packages") == {"scikit-learn": ("1.8.0", "1.7.2"), "scipy": ("none", "1.17.0")}
    assert rows(answer, "Results")["test/accuracy"] == ("91.24 %", "90.33 % (-0.91, worse)")
    assert "Code" not in tables(answer)
    assert "1 equal parameter and 1 equal package. The same in all: code and data." in notes(answer)
    assert [line.name for line in charts(answer)[0].series] == ["brave-otter-42", "bold-raven-5"]


def test_compare_says_better_in_the_metrics_direction(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        metric = make_project(session, direction="lower", percent=False)
        for name, value in (("one", 0.5), ("two", 0.4), ("same", 0.50004)):
            make_run(session, metric, Try(name=name, last=value))
    put = asking(engine)
    assert rows(put("compare", "one two same"), "Results")["test/accuracy"] == (
        "0.50",
        "0.40 (-0.10, better)",
        "0.50 (equal)",
    )


def test_values_on_other_data_do_not_compare(put: Ask) -> None:
    answer = put("compare", "brave-otter-42 wild-gecko-3 lost-moose-9")
    assert rows(answer, "Results")["test/accuracy"] == ("91.24 %", "97.10 % (other data)", "no value")
    assert rows(answer, "Results")["train/loss (last)"][2] == "NaN"
    assert "declare different data" in notes(answer)
    standing = rows(answer, "")
    assert "digits/validation" in str(standing["wild-gecko-3"])
    assert "ends as NaN" in str(standing["lost-moose-9"])
    assert "lost-moose-9 (NaN)" in [line.name for line in charts(answer)[0].series]


def test_compare_shows_code(engine: sa.Engine) -> None:
    changed = CodeReport(
        commit=object_id("later"),
        tree=object_id("t2"),
        base=object_id("later"),
        dirty=True,
        changed=["net.py", "a.bin"],
    )
    with transaction(engine) as session:
        metric = make_project(session)
        make_run(session, metric, Try(name="before"))
        make_run(session, metric, Try(name="after", code=changed))
    answer = asking(engine)("compare", "before after")
    code = rows(answer, "Code")
    assert code["commit"] == (object_id("commit")[:12], object_id("later")[:12])
    assert code["uncommitted"] == ("none", "a.bin and net.py")
    script = next(part for part in answer.parts if isinstance(part, Code))
    assert script.text == f"git diff {object_id('commit')} {object_id('later')}"
    assert "uncommitted changes are not in it" in script.title


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "none is named"),
        ("brave-otter-42", "one is named"),
        ("a b c d e f", "6 are named"),
        ("brave-otter-42 brave-otter-42", "twice"),
        ("brave-otter-42 bold-raven", 'no run "bold-raven"'),
    ],
)
def test_compare_refuses(put: Ask, words: str, says: str) -> None:
    with pytest.raises(TrackrecordError) as caught:
        put("compare", words)
    assert says in caught.value.message
    assert "/compare" in caught.value.hint


def test_show_begins_with_what_is_missing(put: Ask) -> None:
    answer = put("show", "shy-badger-21")
    first, second = (part for part in answer.parts[:2] if isinstance(part, Note))
    assert first.text == "Unverified: 15 of 16 checks passed."
    assert second.text.startswith("commit reachable: could not be told. its commit was never pushed")
    assert second.text.endswith("git push, then ask for a recheck")
    about = facts(answer)
    assert about["owner"] == "dana"
    assert about["value"] == "92.15 % test/accuracy at step 29"
    assert about["lr"] == "0.02"
    assert about["packages"] == "2 packages with exact versions"
    assert about["gpu"] == "1 × NVIDIA L4"
    assert rows(answer, "Data")["digits/test"][:2] == ("test", TEAM[0].dataset[:12])
    assert "model.npz" in rows(answer, "Artifacts")
    assert [chart.y_label for chart in charts(answer)] == ["accuracy (%)", "loss"]
    assert [next_.question for next_ in answer.follow_ups] == ["repro", "best", "recheck"]


def test_show_puts_a_contradiction_first(engine: sa.Engine) -> None:
    findings = {name: refuted(f"{name} is wrong", "mend it") for name in ("tree_rebuilt",)}
    with transaction(engine) as session:
        run = make_run(session, make_project(session), Try(name="liar", bad=findings, remarks=("numpy was reseeded",)))
        assert run.verdict == "refuted"
    answer = asking(engine)("show", "liar")
    assert answer.tone == "bad"
    assert "tree rebuilt: failed and contradicts the report" in notes(answer)
    assert "Remark of the run: numpy was reseeded" in notes(answer)


def test_show_counts_tries(put: Ask) -> None:
    said = notes(put("show", "calm-heron-7"))
    assert "One of 5 runs of this configuration (3 verified, 1 running and 1 silent); median 91.02 %" in said
    assert "The 3 runs that count, over 3 seeds: mean 90.96 ± 0.32, from 90.61 to 91.24 %." in said


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("lost-moose-9", "test/accuracy ends as NaN"),
        ("tired-crane-14", "killed before it was done: SIGTERM"),
        ("wild-gecko-3", "test/accuracy is defined on digits/test"),
        ("young-panda-77", "still running"),
        ("deaf-mole-31", "silent, not heard of for 6 h 30 min"),
    ],
)
def test_why_not_wherever_it_is_shown(put: Ask, run: str, says: str) -> None:
    assert says in put("show", run).text
    assert says in str(put("recent", "top=50"))
    if run != "young-panda-77":
        assert says in str(put("unverified", "top=50"))
    assert says in str(put("compare", f"brave-otter-42 {run}"))
    assert says in notes(put("repro", run))


def test_recent_is_newest_first(put: Ask) -> None:
    answer = put("recent", "top=3")
    table = tables(answer)[""]
    assert [row[0] for row in table.rows] == ["young-panda-77", "sly-weasel-66", "tired-crane-14"]
    assert table.cut == 9
    assert {row[3] for row in tables(put("recent", "owner=chen"))[""].rows} == {"chen"}


def test_unverified_says_what_to_do(put: Ask) -> None:
    found = rows(put("unverified"), "")
    assert found["shy-badger-21"][3] == "git push, then ask for a recheck"
    assert found["tired-crane-14"][3] == "Only runs that end well count: run it again."
    assert "brave-otter-42" not in found
    assert "young-panda-77" not in found


def test_projects(put: Ask) -> None:
    assert rows(put("projects"), "")["milestone-1"] == (
        "Digits, the first milestone",
        "test/accuracy",
        "91.24 %",
        "brave-otter-42 (ada)",
        "12",
        "5",
    )


def test_recheck_makes_a_run_due(team: sa.Engine) -> None:
    put = asking(team)
    put("recheck", "shy-badger-21")
    with reading(team) as session:
        assert session.get_one(Run, run_id("shy-badger-21")).check_at == NOW
    assert "has not ended" in put("recheck", "young-panda-77").text
    with reading(team) as session:
        assert session.get_one(Run, run_id("young-panda-77")).check_at is None


def test_a_run_is_found_by_name_id_prefix_and_address(put: Ask) -> None:
    whole = run_id("brave-otter-42")
    for words in (
        "brave-otter-42",
        "BRAVE-Otter-42",
        whole,
        whole.lower(),
        whole[:9],
        f"https://r.example/runs/{whole}",
    ):
        assert put("show", words).title.startswith("brave-otter-42")


def test_unknown_and_ambiguous_runs(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        first, second = make_project(session), make_project(session, "milestone-2")
        make_run(session, first, replace(TEAM[0]))
        twin = make_run(session, second, replace(TEAM[0], name="other-name-1"))
        twin.name = "brave-otter-42"
    put = asking(engine)
    with pytest.raises(TrackrecordError) as caught:
        put("show", "brave-otter-42")
    assert caught.value.status == 409
    assert run_id("brave-otter-42") in caught.value.message
    assert "milestone-2" in caught.value.message
    assert "/show 0" in caught.value.hint
    assert put("show", "brave-otter-42", project="milestone-2").text.startswith("brave-otter-42 by ada in milestone-2")
    assert put("show", "brave-otter-42", projects=frozenset({"milestone-1"}))
    with pytest.raises(TrackrecordError) as caught:
        put("show", "brave-oter-4")
    assert caught.value.hint == "Did you mean brave-otter-42? Write: /show brave-otter-42"
    for nonsense in ("'; --", "%", "../../etc", "0" * 200, "\x00", "🦦"):
        with pytest.raises(TrackrecordError):
            put("show", nonsense)


def test_a_run_of_a_hidden_project_is_not_found(put: Ask) -> None:
    for question in ("show", "repro"):
        with pytest.raises(TrackrecordError, match="There is no run"):
            put(question, "brave-otter-42", projects=frozenset({"another"}))
    with pytest.raises(TrackrecordError, match="There is no run"):
        put("recheck", run_id("brave-otter-42"), projects=frozenset())


def test_every_check_of_the_registry_is_known_here() -> None:
    """The builder's checks are the real ones, so that these tests speak of what the registry says."""
    from registry import checks
    from registry.folder import functions_in

    assert set(functions_in(checks)) == set(CHECKS)

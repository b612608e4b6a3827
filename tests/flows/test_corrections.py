"""What is said about a run afterwards: by whom, once, for ever; and what deleting leaves of it."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlmodel import SQLModel, col, select

from registry import corrections
from registry.ask import questions
from registry.asker import Asker
from registry.db import reading, transaction
from registry.kept import report_of
from registry.results import scope, tally
from registry.tables import Batch, Correction, Project, Run
from tests.api.scene import DATA, OTHER, PROJECT, RUN, Scene, batch, body, ended, report, run_id
from tests.flows.boards import entries, kept, placed, run_ended
from tests.flows.server import Server
from trackrecord.cli import commands
from trackrecord.report import (
    ArtifactReport,
    AttemptReport,
    CodeReport,
    CommandReport,
    CorrectionReport,
    DatasetReport,
    PointsReport,
    RunReport,
)

WHY = "evaluated on the training split"


def correct(
    scene: Scene, run: str, what: str, who: str = "runner", reason: str = WHY, instead: str | None = None
) -> Any:
    said = CorrectionReport(what=what, reason=reason, instead=instead)  # type: ignore[arg-type]
    return scene.send("POST", f"/api/v1/runs/{run}/corrections", said, who)


def test_a_run_is_superseded_and_nothing_else_of_it_changes(scene: Scene) -> None:
    run, new = run_ended(scene, 1), run_ended(scene, 2)
    for each in (run, new):
        placed(scene, each, 0.9)
    before = kept(scene, run)
    answer = correct(scene, run, "superseded", instead=new)
    assert answer.status_code == 201
    (said,) = answer.json()["corrections"]
    assert (answer.json()["withdrawn"], said["what"], said["reason"], said["by"], said["instead"]) == (
        "superseded",
        "superseded",
        WHY,
        "ada",
        new,
    )
    after = kept(scene, run)
    assert {name for name in after if after[name] != before[name]} == {"withdrawn", "check_at"}
    (entry,) = entries(scene, "correction")
    assert {key: entry[key] for key in ("run", "what", "reason", "by", "instead")} == {
        "run": run,
        "what": "superseded",
        "reason": WHY,
        "by": "ada",
        "instead": new,
    }
    shown = scene.send("GET", f"/api/v1/runs/{run}", who="reader").json()
    assert (shown["withdrawn"], shown["corrections"]) == ("superseded", [said])
    shown = scene.send("GET", f"/api/v1/runs/{new}", who="reader").json()
    assert (shown["withdrawn"], shown["corrections"]) == ("", [])


def test_saying_it_again_changes_nothing(scene: Scene) -> None:
    run = run_ended(scene, 1)
    assert correct(scene, run, "invalidated").status_code == 201
    before = kept(scene, run)
    for who in ("runner", "maintainer"):
        assert correct(scene, run, "invalidated", who).status_code == 200
    assert kept(scene, run) == before
    assert len(entries(scene, "correction")) == 1
    assert correct(scene, run, "invalidated", reason="and on half of it").status_code == 201
    assert [entry["reason"] for entry in entries(scene, "correction")] == [WHY, "and on half of it"]


# For each of: reader, another runner, the run's owner, maintainer, another project's maintainer, admin.
ROLES = ("reader", "ben", "runner", "maintainer", "other", "admin")
MAY = {
    "superseded": (403, 403, 201, 200, 404, 200),
    "invalidated": (403, 403, 201, 200, 404, 200),
    "deleted": (403, 403, 403, 201, 404, 200),
}


def test_who_may_say_what(small: Scene) -> None:
    new = run_ended(small, 50)
    for number, (what, wanted) in enumerate(MAY.items(), 1):
        run, instead = run_ended(small, number), new if what == "superseded" else None
        answers = tuple(correct(small, run, what, who, instead=instead).status_code for who in ROLES)
        assert answers == wanted, what
        assert len(entries(small, "correction")) == number


NOT_SAID: list[tuple[dict[str, Any], str]] = [
    ({"reason": ""}, "reason"),
    ({"reason": "   "}, "reason"),
    ({"reason": "x" * 501}, "reason"),
    ({"reason": "one\ntwo"}, "reason"),
    ({"reason": "\u202eevil"}, "reason"),
    ({"what": "superseded"}, "instead"),
    ({"instead": run_id(2)}, "instead"),
    ({"what": "superseded", "instead": "brave-otter-2"}, "instead"),
    ({"what": "forgotten"}, "what"),
]


def test_what_cannot_be_said_is_refused_with_the_field(small: Scene) -> None:
    run = run_ended(small, 1)
    run_ended(small, 2)
    for changes, where in NOT_SAID:
        said = replace(CorrectionReport(what="invalidated", reason=WHY), **changes)
        answer = small.send("POST", f"/api/v1/runs/{run}/corrections", said)
        assert (answer.status_code, answer.json()["error"]["message"].split(":")[0]) == (422, where), changes
    assert kept(small, run)["withdrawn"] == ""
    assert correct(small, run, "invalidated", reason="x" * 500).status_code == 201


def test_the_run_that_counts_instead_must_stand_in_the_same_project(scene: Scene) -> None:
    one, two, three = (run_ended(scene, number) for number in (1, 2, 3))
    elsewhere = run_ended(scene, 4, who="other", project=OTHER)

    def supersede(run: str, instead: str) -> Any:
        return correct(scene, run, "superseded", "maintainer", instead=instead)

    assert supersede(one, one).status_code == 422
    assert supersede(one, elsewhere).status_code == 404
    assert supersede(one, run_id(99)).status_code == 404
    assert supersede(one, two).status_code == 201
    circle = supersede(two, one)
    assert (circle.status_code, "superseded" in circle.json()["error"]["message"]) == (409, True)
    assert supersede(two, three).status_code == 201
    with reading(scene.engine) as session:
        last = corrections.counts_instead(session, one)
        assert last is not None
        assert last.id == three
        assert corrections.counts_instead(session, three) is None
        (fact,) = corrections.facts(session, one)
    assert (fact.what, fact.by, fact.instead) == ("superseded", "someone-maintainer", "brave-otter-2")


def test_the_worse_word_counts(scene: Scene) -> None:
    run, new = run_ended(scene, 1), run_ended(scene, 2)
    said = [
        ("superseded", new, 201, "superseded"),
        ("invalidated", None, 201, "invalidated"),
        ("superseded", run_ended(scene, 3), 201, "invalidated"),
        ("deleted", None, 201, "deleted"),
        ("deleted", None, 200, "deleted"),
        ("invalidated", None, 200, "deleted"),
    ]
    for what, instead, status, withdrawn in said:
        answer = correct(scene, run, what, "maintainer", instead=instead)
        assert (answer.status_code, kept(scene, run)["withdrawn"]) == (status, withdrawn)
    after = correct(scene, run, "invalidated", "maintainer", reason="something else")
    assert (after.status_code, after.json()["error"]["message"]) == (409, "The run was deleted.")
    with reading(scene.engine) as session:
        rows = corrections.corrections_of(session, [run, new])
        assert [row.what for row in rows[run]] == ["deleted", "invalidated", "superseded", "superseded"]
        assert new not in rows


def test_a_run_that_goes_on_is_left_alone_and_a_silent_one_can_be_deleted(scene: Scene) -> None:
    scene.send("PUT", f"/api/v1/runs/{RUN}", report())
    for what, who in (("invalidated", "runner"), ("deleted", "maintainer")):
        answer = correct(scene, RUN, what, who)
        assert (answer.status_code, "has not ended" in answer.json()["error"]["message"]) == (409, True)
    with transaction(scene.engine) as session:
        session.get_one(Run, RUN).heard_at = datetime.now(UTC) - timedelta(hours=1)
    silent = correct(scene, RUN, "invalidated")
    assert (silent.status_code, "sync --gone" in silent.json()["error"]["hint"]) == (409, True)
    assert correct(scene, RUN, "deleted", "maintainer").status_code == 201
    # Its script wakes up: it is told, and nothing comes back.
    woken = scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", batch())
    assert (woken.status_code, woken.json()["error"]["message"]) == (
        409,
        "The run was deleted; nothing is added to it.",
    )
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/finish", ended()).status_code == 409
    with reading(scene.engine) as session:
        assert session.exec(select(Batch)).all() == []


MARK = "zanzibar"


def told(number: int, weights: str, **changes: Any) -> tuple[RunReport, Any]:
    """A run with the mark in everything that it holds."""
    opening = report(
        name=f"calm-heron-{number}",
        params={MARK: MARK, "lr": 0.125},
        code=CodeReport(commit="a" * 40, tree="b" * 40, branch=MARK, remote=MARK, changed=[MARK], patch=weights),
        command=CommandReport(argv=[MARK], entry=MARK),
        **changes,
    )
    points = PointsReport(metric=f"test/{MARK}", steps=[1], times=[1_700_000_000_000], values=[0.5])
    sent = batch(
        points=[*batch().points, points],
        datasets=[DatasetReport(name=MARK, digest=DATA, partial=MARK)],
        artifacts=[ArtifactReport(name=f"{MARK}.pt", digest=weights, size=7)],
        notes=[MARK],
        attempts=[AttemptReport(number=2, report=replace(opening, started_ms=opening.started_ms + 1))],
    )
    return opening, sent


def everything(scene: Scene) -> str:
    """All rows of all tables, as text."""
    with reading(scene.engine) as session:
        return "\n".join(
            f"{table.name}: {tuple(row)}"
            for table in SQLModel.metadata.sorted_tables
            for row in session.execute(sa.select(table))
        )


def test_deleting_leaves_a_tombstone_and_nothing_of_what_the_run_held(scene: Scene) -> None:
    content = b"weights"
    weights = hashlib.sha256(content).hexdigest()
    assert scene.send("PUT", f"/api/v1/artifacts/{weights}", content, **{"Content-Type": "x/y"}).status_code == 201
    opening, sent = told(1, weights)
    run = run_id(1)
    scene.send("PUT", f"/api/v1/runs/{run}", opening)
    scene.send("PUT", f"/api/v1/runs/{run}/batches/main/0", sent)
    scene.send("PUT", f"/api/v1/runs/{run}/finish", ended(state="failed", error=MARK))
    placed(scene, run, 0.8125)
    assert everything(scene).count(MARK) > 10
    before = kept(scene, run)
    assert scene.send("GET", f"/api/v1/artifacts/{weights}", who="reader").status_code == 200

    assert correct(scene, run, "deleted", "maintainer", reason="a customer's data").status_code == 201

    left = everything(scene)
    assert MARK not in left
    assert "0.8125" not in left
    after = kept(scene, run)
    changed = {"withdrawn", "check_at", "report", "finish", "error", "headline", "headline_step"}
    assert {name for name in after if after[name] != before[name]} == changed
    assert scene.send("GET", f"/api/v1/artifacts/{weights}", who="reader").status_code == 404
    assert scene.send("GET", f"/api/v1/runs/{run}/history?metric=test/accuracy", who="reader").status_code == 404
    with reading(scene.engine) as session:
        row = session.get_one(Run, run)
        assert (report_of(row).name, report_of(row).project) == ("calm-heron-1", PROJECT)
        assert [batch.tail for batch in session.exec(select(Batch))] == [None]
        counts = tally(session, scope(session, Asker(), session.get_one(Project, PROJECT)), Asker(), datetime.now(UTC))
    assert str(counts) == "0 verified of 1 run (1 deleted)"


def test_a_file_that_another_run_names_is_still_there(scene: Scene) -> None:
    content = b"weights"
    weights = hashlib.sha256(content).hexdigest()
    scene.send("PUT", f"/api/v1/artifacts/{weights}", content, **{"Content-Type": "x/y"})
    for number in (1, 2):
        opening, sent = told(number, weights)
        scene.send("PUT", f"/api/v1/runs/{run_id(number)}", opening)
        scene.send("PUT", f"/api/v1/runs/{run_id(number)}/batches/main/0", sent)
        scene.send("PUT", f"/api/v1/runs/{run_id(number)}/finish", ended())
    correct(scene, run_id(1), "deleted", "maintainer")
    assert scene.send("GET", f"/api/v1/artifacts/{weights}", who="reader").content == content
    correct(scene, run_id(2), "deleted", "maintainer")
    assert scene.send("GET", f"/api/v1/artifacts/{weights}", who="reader").status_code == 404


def test_every_question_about_a_withdrawn_run_is_answered(scene: Scene) -> None:
    other = run_ended(scene, 50)
    placed(scene, other, 0.8)
    for number, what in enumerate(MAY, 1):
        placed(scene, run_ended(scene, number), 0.9)
        correct(scene, run_id(number), what, "maintainer", instead=other if what == "superseded" else None)
        name = f"brave-otter-{number}"
        # Whatever takes a run is asked about it, whatever does not about the project.
        asked = {each.name: name if each.slots and each.slots[0].name == "run" else "" for each in questions().values()}
        asked |= {"compare": f"{name} brave-otter-50", "claim": "90.00", "help": "show"}
        assert {"compare", "recheck", "repro", "show"} <= {each for each, words in asked.items() if name in words}
        for question, words in asked.items():
            query = urlencode({"words": words})
            answer = scene.send("GET", f"/api/v1/answers/{question}?{query}", who="maintainer")
            assert answer.status_code == 200, (question, words, answer.text)
    best = scene.send("GET", f"/api/v1/answers/best?words={PROJECT}", who="reader").json()
    assert "brave-otter-50" in best["text"]


def test_two_runs_cannot_supersede_each_other_at_once(scene: Scene) -> None:
    for pair in range(3):
        one, two = run_ended(scene, 2 * pair + 1), run_ended(scene, 2 * pair + 2)
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(lambda ab: correct(scene, ab[0], "superseded", instead=ab[1]), [(one, two), (two, one)])
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert sorted((kept(scene, one)["withdrawn"], kept(scene, two)["withdrawn"])) == ["", "superseded"]


def test_many_at_once_say_it_once_and_the_worst_stands(scene: Scene) -> None:
    run = run_ended(scene, 1)
    said = ["invalidated"] * 4 + ["deleted"] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda what: correct(scene, run, what, "maintainer").status_code, said))
    assert kept(scene, run)["withdrawn"] == "deleted"
    with reading(scene.engine) as session:
        told = list(session.exec(select(Correction.what).order_by(col(Correction.leaf))))
    # An invalidation that came behind the deletion was refused.
    assert told in (["deleted"], ["invalidated", "deleted"])
    assert answers.count(201) == len(told)
    assert [entry["what"] for entry in entries(scene, "correction")] == told


def test_a_run_is_found_by_what_people_call_it(small: Scene) -> None:
    run = run_ended(small, 1)
    run_ended(small, 2, name="brave-otter-1", who="ben")
    ask = "/api/v1/runs?named="
    wanted = {"run": run, "name": "brave-otter-1", "project": PROJECT, "owner": "ada"}
    assert small.send("GET", f"{ask}{run}", who="reader").json() == wanted
    several = small.send("GET", f"{ask}brave-otter-1", who="reader")
    assert (several.status_code, "ben" in several.json()["error"]["message"]) == (409, True)
    near = small.send("GET", f"{ask}brave-oter-1", who="reader")
    assert (near.status_code, "brave-otter-1" in near.json()["error"]["hint"]) == (404, True)
    assert small.send("GET", f"{ask}{run}", who="other").status_code == 404


def cli(scene: Scene, server: Server, who: str, *words: str, feed: str = "") -> Result:
    """The program, in this process, against a real server."""
    env = {"TRACKRECORD_URL": server.url, "TRACKRECORD_TOKEN": scene.token[who]}
    done = CliRunner().invoke(commands, words, input=feed, env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_from_a_terminal(small: Scene) -> None:
    one, two = run_ended(small, 1), run_ended(small, 2)
    with Server(small.app) as server:
        done = cli(small, server, "runner", "supersede", "brave-otter-1", two, "--reason", WHY)
        assert (done.exit_code, done.stdout) == (0, "brave-otter-1 of milestone-1 is superseded by brave-otter-2.\n")
        done = cli(small, server, "runner", "invalidate", "brave-otter-2", "--reason", WHY)
        assert (done.exit_code, done.stdout) == (0, "brave-otter-2 of milestone-1 is invalidated.\n")
        assert cli(small, server, "runner", "invalidate", "brave-otter-2").exit_code == 2
        done = cli(small, server, "runner", "delete", "brave-otter-2", "--reason", WHY, "--yes")
        assert (done.exit_code, "may not delete" in done.stderr) == (1, True)
        deleting = ("delete", "brave-otter-1", "--reason", WHY)
        for typed in ("", "\n", "brave-otter-2\n", "y\n"):
            done = cli(small, server, "maintainer", *deleting, feed=typed)
            assert done.exit_code == 1
            assert kept(small, one)["withdrawn"] == "superseded"
        done = cli(small, server, "maintainer", *deleting, feed="brave-otter-1\n")
        assert (done.exit_code, done.stdout) == (0, "brave-otter-1 of milestone-1 is deleted.\n")
        assert "cannot be taken back" in done.stderr
    assert (kept(small, one)["withdrawn"], kept(small, two)["withdrawn"]) == ("deleted", "invalidated")


def test_a_report_of_a_deleted_run_is_not_opened_anew(scene: Scene) -> None:
    sent = body(report(name="brave-otter-1"))
    scene.send("PUT", f"/api/v1/runs/{RUN}", sent)
    scene.send("PUT", f"/api/v1/runs/{RUN}/finish", ended())
    correct(scene, RUN, "deleted", "maintainer")
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", sent).status_code == 200
    assert MARK not in everything(scene)
    with reading(scene.engine) as session:
        assert report_of(session.get_one(Run, RUN)).params == {}

"""A definition has a board, for ever; what ranks there is verified, stands, reaches the minimum, and is a number."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from sqlmodel import select

from registry.checks import checks
from registry.db import reading, transaction
from registry.find import Unfound, find_metric, versions
from registry.new_record import best_other, owe_if_best
from registry.tables import Outgoing, Project, Run
from tests.api.scene import OTHER, PROJECT, RULES, Scene, body
from tests.flows.boards import best, board, entries, kept, main, placed, rules, run_ended
from tests.flows.server import Server
from tests.flows.test_corrections import cli
from trackrecord.errors import TrackrecordError
from trackrecord.report import MetricRules, ProjectRules

(ACCURACY,) = RULES.metrics
LOSS = MetricRules(
    name="test/loss", split="test", dataset="digits/test", dataset_digest="d" * 64, direction="lower", unit="nats"
)
BOTH = replace(RULES, metrics=[ACCURACY, LOSS])


CHANGES: list[dict[str, Any]] = [
    {"split": "validation"},
    {"dataset": "digits/other"},
    {"dataset_digest": "e" * 64},
    {"direction": "lower"},
    {"rule": "best"},
    {"rule": "at_best_of", "rule_metric": "val/accuracy"},
    {"decimals": 3},
    {"margin": 0.5},
    {"tolerance": 0.01},
    {"percent": False},
    {"percent": False, "unit": "points"},
    {"evaluator": "evaluate.py", "evaluator_digest": "e" * 64},
    {"measure": "accuracy", "labels": "e" * 64},
]


def test_changing_anything_of_a_metric_is_a_new_board(small: Scene) -> None:
    assert {name for change in CHANGES for name in change} == {*asdict(ACCURACY)} - {"name"}
    run = run_ended(small, 1)
    placed(small, run, 0.9)
    for version, change in enumerate(CHANGES, 2):
        changed = replace(RULES, metrics=[replace(ACCURACY, **change)])
        answer = small.send("PUT", f"/api/v1/projects/{PROJECT}", changed, "maintainer")
        assert answer.status_code == 200, (change, answer.text)
        assert (board(small), board(small, version=version)) == ([], []), change
        last = [entry for entry in entries(small, "metric") if entry["project"] == PROJECT][-1]
        assert (last["name"], last["version"], last["by"]) == ("test/accuracy", version, "someone-maintainer")
        assert small.send("GET", f"/api/v1/projects/{PROJECT}").json()["metrics"] == [asdict(changed.metrics[0])]
    assert board(small, version=1) == ["brave-otter-1"]
    assert kept(small, run)["check_at"] is not None


def test_an_old_board_stays_as_it_was_when_runs_are_judged_anew(scene: Scene) -> None:
    one, two = run_ended(scene, 1), run_ended(scene, 2)
    placed(scene, one, 0.9)
    placed(scene, two, 0.8)
    rules(scene, replace(RULES, metrics=[replace(ACCURACY, split="validation")]))
    placed(scene, one, None, verdict="unverified")
    placed(scene, two, 0.7)
    assert board(scene) == ["brave-otter-2"]
    assert board(scene, version=1) == ["brave-otter-1", "brave-otter-2"]
    assert board(scene, "accuracy", 2) == ["brave-otter-2"]
    # Back to what it was: a third version, since the second was the project's word in between.
    rules(scene)
    assert board(scene) == []
    with reading(scene.engine) as session:
        every = versions(session, session.get_one(Project, PROJECT), "test/accuracy")
        assert [(row.version, row.current, row.main) for row in every] == [
            (3, True, True),
            (2, False, False),
            (1, False, False),
        ]


def test_a_second_metric_has_a_board_and_one_that_is_dropped_keeps_its_own(scene: Scene) -> None:
    rules(scene, BOTH)
    placed(scene, run_ended(scene, 1), 0.9)
    placed(scene, run_ended(scene, 2), 0.8)
    assert board(scene) == ["brave-otter-1", "brave-otter-2"]
    assert board(scene, "loss") == ["brave-otter-2", "brave-otter-1"]
    rules(scene)
    with pytest.raises(Unfound, match="does not define"):
        board(scene, "loss")
    assert board(scene, "loss", 1) == ["brave-otter-2", "brave-otter-1"]


def test_a_version_that_there_is_not_is_answered_with_those_there_are(small: Scene) -> None:
    rules(small, replace(RULES, metrics=[replace(ACCURACY, split="validation")]))

    def refusal(metric: str, version: int) -> Unfound:
        with pytest.raises(Unfound) as caught:
            board(small, metric, version)
        return caught.value

    for metric in ("", "accuracy", "test/accuracy"):
        unknown = refusal(metric, 7)
        assert unknown.message == (
            "test/accuracy of milestone-1 has no version 7. It has versions 1 and 2; version 2 counts now."
        )
        assert (unknown.status, unknown.candidates) == (404, ("2",))
    assert refusal("acuracy", 1).candidates == ("test/accuracy",)
    with transaction(small.engine) as session:
        session.add(Project(id="bare", created_at=datetime.now(UTC)))
        session.flush()
        with pytest.raises(TrackrecordError, match="defines no metric yet"):
            find_metric(session, session.get_one(Project, "bare"), "x", 1)


FALLEN: list[dict[str, Any]] = [
    {"verdict": "unverified"},
    {"verdict": "refuted"},
    {"state": "failed"},
    {"state": "killed"},
    {"withdrawn": "superseded"},
    {"withdrawn": "invalidated"},
    {"withdrawn": "deleted"},
    {"quarantined": True},
]


def test_what_does_not_stand_does_not_rank(scene: Scene) -> None:
    for number, fallen in enumerate(FALLEN):
        placed(scene, run_ended(scene, number), 0.95 + number / 1_000, **fallen)
    placed(scene, run_ended(scene, 50), 0.9)
    assert board(scene) == ["brave-otter-50"]
    assert "brave-otter-50 by ada has the best verified" in best(scene)


def test_a_run_that_is_refuted_later_leaves_old_boards_too(scene: Scene) -> None:
    run = run_ended(scene, 1)
    placed(scene, run, 0.9)
    rules(scene, replace(RULES, metrics=[replace(ACCURACY, split="validation")]))
    placed(scene, run, 0.9, verdict="unverified")
    assert board(scene, version=1) == ["brave-otter-1"]
    placed(scene, run, 0.9, verdict="refuted")
    assert board(scene, version=1) == []


def test_the_minimum_of_a_project_decides_who_ranks(scene: Scene) -> None:
    placed(scene, run_ended(scene, 1), 0.95)
    placed(scene, run_ended(scene, 2), 0.93, live=True)
    placed(scene, run_ended(scene, 3), 0.91, recomputed=0.91)
    wanted = {"verified": "brave-otter-1", "live": "brave-otter-2", "recomputed": "brave-otter-3"}
    for minimum, winner in wanted.items():
        rules(scene, replace(RULES, minimum=minimum))  # type: ignore[arg-type]
        assert f"{winner} by ada has the best verified" in best(scene)
        assert len(board(scene)) == (3 if minimum == "verified" else 1)


def news(scene: Scene, run: str) -> bool:
    """Whether the run is announced as the new best, when it has just been judged."""
    with transaction(scene.engine) as session:
        return owe_if_best(session, session.get_one(Run, run), main(session), timedelta(), datetime.now(UTC))


def test_news_is_what_ranks_and_beats_what_ranks(scene: Scene) -> None:
    rules(scene, replace(RULES, minimum="live", metrics=[replace(ACCURACY, margin=0.01)]))
    below, first, near, better = (run_ended(scene, number) for number in range(1, 5))
    placed(scene, below, 0.99)
    assert not news(scene, below)
    placed(scene, first, 0.90, live=True)
    assert news(scene, first)
    assert not news(scene, first), "owed once"
    placed(scene, near, 0.905, live=True)
    assert not news(scene, near), "inside the margin"
    placed(scene, better, 0.92, live=True)
    assert news(scene, better)
    with reading(scene.engine) as session:
        rows = {row.payload["run"]: row.payload for row in session.exec(select(Outgoing))}
        assert set(rows) == {first, better}
        assert (rows[better]["old_run"], rows[better]["old_value"], rows[better]["value"]) == (near, 0.905, 0.92)
        old = best_other(session, session.get_one(Run, better), main(session))
        assert old is not None
        assert (old.run, old.value) == (near, 0.905)


def test_the_policy_is_kept_read_and_written_down_by_whom(scene: Scene) -> None:
    wanted = replace(
        BOTH,
        checks=["commit_reachable", "data_pinned"],
        dirty_trees=False,
        minimum="live",
        metrics=[replace(ACCURACY, evaluator="src/evaluate.py", evaluator_digest="e" * 64), LOSS],
    )
    assert scene.send("PUT", f"/api/v1/projects/{PROJECT}", wanted, "maintainer").status_code == 200
    shown = scene.send("GET", f"/api/v1/projects/{PROJECT}", who="reader").json()
    assert shown == json.loads(body(wanted))
    entry = entries(scene, "rules")[-1]
    digest = hashlib.sha256(rfc8785.dumps(asdict(wanted))).hexdigest()
    assert (entry["project"], entry["by"], entry["digest"]) == (PROJECT, "someone-maintainer", digest)
    assert hashlib.sha256(rfc8785.dumps(entry["rules"])).hexdigest() == digest
    with reading(scene.engine) as session:
        assert session.get_one(Project, PROJECT).rules_digest == digest
    count = len(entries(scene, "rules"))
    # Saying the same again is no event; nobody but a maintainer of the project is heard at all.
    scene.send("PUT", f"/api/v1/projects/{PROJECT}", wanted, "admin")
    for who in ("reader", "runner", "other"):
        assert scene.send("PUT", f"/api/v1/projects/{PROJECT}", RULES, who).status_code == 403
    assert len(entries(scene, "rules")) == count
    made = [(entry["name"], entry["version"]) for entry in entries(scene, "metric") if entry["project"] == PROJECT]
    assert made == [("test/accuracy", 1), ("test/accuracy", 2), ("test/loss", 1)]


JUDGED_AGAIN: dict[str, tuple[dict[str, Any], bool]] = {
    "title": ({"title": "Another name"}, False),
    "nothing": ({}, False),
    "repository": ({"repository": "https://git.example/code.git"}, True),
    "refs": ({"allowed_refs": ["refs/heads/main"]}, True),
    "checks": ({"checks": ["data_pinned"]}, True),
    "dirty trees": ({"dirty_trees": False}, True),
    "minimum": ({"minimum": "live"}, True),
    "another metric": ({"metrics": [ACCURACY, LOSS]}, True),
    "another main metric": ({"metrics": [LOSS, ACCURACY]}, True),
    "no metric": ({"metrics": []}, True),
}


def test_runs_are_judged_again_where_that_may_change_something(small: Scene) -> None:
    run, elsewhere = run_ended(small, 1), run_ended(small, 2, who="other", project=OTHER)
    before = kept(small, elsewhere)["check_at"]
    for hours, (what, (changes, again)) in enumerate(JUDGED_AGAIN.items(), 1):
        rules(small)
        placed(small, run, 0.9)
        later = datetime.now(UTC) + timedelta(hours=hours)
        rules(small, replace(RULES, **changes), at=later)
        assert (kept(small, run)["check_at"] == later) is again, what
    assert kept(small, elsewhere)["check_at"] == before


NOT_MEANT: list[tuple[dict[str, Any], str]] = [
    ({"checks": ["commit_reachible"]}, "checks.0"),
    ({"checks": ["data_pinned", "data_pinned"]}, "checks"),
    ({"minimum": "proved"}, "minimum"),
    ({"dirty_trees": 1}, "dirty_trees"),
    *(
        ({"metrics": [replace(ACCURACY, **changes)]}, f"metrics.0.{where}")
        for changes, where in (
            ({"unit": "ms"}, "unit"),  # it is in percent
            ({"percent": False, "unit": "m\ns"}, "unit"),
            ({"percent": False, "unit": "x" * 21}, "unit"),
            ({"evaluator": "evaluate.py"}, "evaluator"),
            ({"evaluator_digest": "e" * 64}, "evaluator"),
            ({"evaluator": "../evaluate.py", "evaluator_digest": "e" * 64}, "evaluator"),
            ({"evaluator": "evaluate.py", "evaluator_digest": "E" * 64}, "evaluator_digest"),
            ({"measure": "accuracy"}, "measure"),
            ({"measure": "vibes", "labels": "e" * 64}, "measure"),
            ({"labels": "e" * 64}, "measure"),
            ({"measure": "accuracy", "labels": "e"}, "labels"),
            ({"name": "test/аccuracy"}, "name"),  # with a Cyrillic letter
        )
    ),
]


def test_rules_that_cannot_be_meant_are_refused(small: Scene) -> None:
    for changes, where in NOT_MEANT:
        answer = small.send("PUT", f"/api/v1/projects/{PROJECT}", replace(RULES, **changes), "maintainer")
        message = answer.json()["error"]["message"]
        assert (answer.status_code, message.split(":")[0]) == (422, where)
        assert ("commit_reachable" in message, "reachible" in message) == (where == "checks.0", False)
    assert small.send("GET", f"/api/v1/projects/{PROJECT}").json() == json.loads(body(RULES))


def test_rules_from_a_terminal_go_around_unchanged(small: Scene, tmp_path: Path) -> None:
    wanted = ProjectRules(
        title='Say "x" \\ \t tab, é, 實驗, \u200d joined, 🎯',
        repository="https://git.example/code.git",
        allowed_refs=["refs/heads/main", "refs/tags/*"],
        checks=sorted(checks())[:3],
        dirty_trees=False,
        minimum="recomputed",
        metrics=[
            replace(ACCURACY, margin=1e-05, tolerance=0.1 + 0.2, decimals=0),
            replace(
                LOSS,
                rule="at_best_of",
                rule_metric="val/loss",
                evaluator="evaluate me.py",
                evaluator_digest="e" * 64,
                measure="log-loss",
                labels="1" * 64,
            ),
        ],
    )
    assert small.send("PUT", f"/api/v1/projects/{PROJECT}", wanted, "maintainer").status_code == 200
    before, file = entries(small, "rules"), tmp_path / "project.toml"
    with Server(small.app) as server:
        printed = cli(small, server, "reader", "rules", PROJECT)
        assert printed.exit_code == 0, printed.stderr
        assert printed.stdout.replace("\n", "").isprintable()
        file.write_text(printed.stdout)
        told = tomllib.loads(printed.stdout)
        assert {"project": PROJECT, **json.loads(body(wanted))} == {
            **told,
            "metrics": [{**dict.fromkeys(asdict(LOSS)), **metric} for metric in told["metrics"]],
        }
        done = cli(small, server, "maintainer", "define", str(file))
        assert (done.exit_code, done.stdout) == (0, "milestone-1 is defined, with 2 metrics.\n")
        assert entries(small, "rules") == before, "nothing changed"
        file.write_text(printed.stdout.replace("dirty_trees = false", "dirty_trees = true"))
        assert cli(small, server, "maintainer", "define", str(file)).exit_code == 0
        assert cli(small, server, "reader", "rules", "milestone-9").exit_code == 1
    assert small.send("GET", f"/api/v1/projects/{PROJECT}").json()["dirty_trees"] is True

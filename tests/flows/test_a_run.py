"""From a script's first word to an announcement that is owed: real HTTP, a real repository, both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import urllib3
from sqlmodel import select

from registry.announcements.new_best import new_best
from registry.asker import Asker
from registry.db import reading, transaction
from registry.examine import examine_due
from registry.settings import Settings
from registry.tables import Outgoing, Run
from tests.api.scene import DATA, PROJECT, Scene, batch, body, ended, head_of, make_scene, milliseconds, report, run_id
from tests.flows.repository import Repository
from tests.flows.server import Server
from trackrecord.answer import Answer, Facts
from trackrecord.report import ArtifactReport, MetricRules, ProjectRules, WriterEnd


class Team:
    """A scripted client of the real server, for a project with a real repository."""

    def __init__(self, scene: Scene, server: Server, repository: Repository) -> None:
        self.scene, self.repository = scene, repository
        self._http, self._url = urllib3.PoolManager(), server.url
        rules = ProjectRules(
            repository=repository.address,
            metrics=[
                MetricRules(
                    name="test/accuracy",
                    split="test",
                    dataset="digits/test",
                    dataset_digest=DATA,
                    rule="last",
                    percent=True,
                    margin=0.001,
                )
            ],
        )
        assert self.send("PUT", f"/api/v1/projects/{PROJECT}", body(rules), "admin")[0] == 200

    def send(self, method: str, path: str, content: bytes | None = None, who: str = "runner") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.scene.token[who]}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = self._http.request(method, self._url + path, body=content, headers=headers)
        return answer.status, answer.json() if answer.data else None

    def train(self, number: int, value: float, artifacts: Sequence[ArtifactReport] = (), **changes: Any) -> str:
        """A whole run; its id."""
        run, opening = run_id(number), {"name": f"brave-otter-{number}", "code": self.repository.report(), **changes}
        sent = [body(report(**opening)), body(batch(value, artifacts=list(artifacts)))]
        assert self.send("PUT", f"/api/v1/runs/{run}", sent[0])[0] == 201
        assert self.send("PUT", f"/api/v1/runs/{run}/batches/main/0", sent[1])[0] == 200
        end = ended({"main": WriterEnd(batches=1, head=head_of(*sent))})
        assert self.send("PUT", f"/api/v1/runs/{run}/finish", body(end))[0] == 200
        return run

    def examine(self, later: timedelta = timedelta(0)) -> int:
        return examine_due(self.scene.engine, self.scene.store, self.scene.settings, datetime.now(UTC) + later)

    def shown(self, run: str) -> Any:
        return self.send("GET", f"/api/v1/runs/{run}", who="reader")[1]

    def owed(self) -> list[Outgoing]:
        with reading(self.scene.engine) as session:
            rows = list(session.exec(select(Outgoing).order_by(Outgoing.id)))  # type: ignore[arg-type]
            session.expunge_all()
        return rows

    def announced(self, row: Outgoing) -> Answer | None:
        with reading(self.scene.engine) as session:
            return new_best(session, Asker(), datetime.now(UTC), row.payload)


@pytest.fixture
def team(engine: sa.Engine, tmp_path: Path) -> Iterator[Team]:
    scene = make_scene(engine, tmp_path, git_protocols="file:https:ssh")
    with Server(scene.app) as server:
        yield Team(scene, server, Repository(tmp_path / "code"))


def facts(answer: Answer) -> dict[str, str]:
    return dict(next(part for part in answer.parts if isinstance(part, Facts)).pairs)


def test_a_run_is_verified_and_the_new_best_is_owed_once(team: Team) -> None:
    run = team.train(1, 0.91)
    before = team.shown(run)
    assert (before["state"], before["checked"], before["verdict"]) == ("finished", False, "unverified")
    assert team.examine() == 1
    after = team.shown(run)
    assert {finding["check"]: finding["outcome"] for finding in after["findings"] if finding["outcome"] != "pass"} == {}
    assert len(after["findings"]) >= 11
    assert (after["verdict"], after["headline"]) == ("verified", {"metric": "test/accuracy", "value": 0.91, "step": 2})
    (owed,) = team.owed()
    assert (owed.key, owed.kind, owed.sent_at) == (f"new_best/{PROJECT}/{run}", "new_best", None)
    for _ in range(2):
        team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
        assert team.examine() == 1
    assert team.examine(timedelta(hours=23)) == 0
    assert team.examine(timedelta(hours=25)) == 1  # it is on a board: every day
    assert [row.key for row in team.owed()] == [owed.key]


def test_only_a_better_run_is_a_new_best_and_it_says_by_how_much(team: Team) -> None:
    first = team.train(1, 0.91)
    team.examine()
    for number, value in ((2, 0.9105), (3, 0.90)):
        team.train(number, value)
    team.examine()
    assert len(team.owed()) == 1
    best = team.train(4, 0.93, params={"lr": 0.2, "seed": 3})
    team.examine()
    owed = team.owed()
    assert [row.payload["run"] for row in owed] == [first, best]
    # The first is not true any more; the second says what changed, plainly.
    assert team.announced(owed[0]) is None
    answer = team.announced(owed[1])
    assert answer is not None
    assert "brave-otter-4 by ada is the new best" in answer.text
    assert "93.00 %" in answer.text
    said = facts(answer)
    assert said["commit"] == team.repository.report().commit
    assert "single seed" in said["over seeds"]
    assert "4 verified of 4 runs" in said["tries"]
    assert [each.question for each in answer.follow_ups] == ["show", "compare", "repro"]
    rows = next(part for part in answer.as_json()["parts"] if part["part"] == "table")["rows"]
    assert ("lr", "0.1", "0.2") in {tuple(row) for row in rows}


def test_seeds_are_weighed_against_the_gain(team: Team) -> None:
    for number, value in ((1, 0.90), (2, 0.92), (3, 0.91)):
        team.train(number, value, params={"lr": 0.1, "seed": number})
        team.examine()
    answer = team.announced(team.owed()[-1])
    assert answer is not None
    assert facts(answer)["over seeds"].startswith("91.00 % ± 1.00 points over 3 runs")


def test_a_commit_that_is_pushed_later_is_verified_later(team: Team) -> None:
    team.repository.commit("train.py", "print('better')\n")
    run = team.train(1, 0.91)
    team.examine()
    shown = team.shown(run)
    assert shown["verdict"] == "unverified"
    lacks = {finding["check"]: finding for finding in shown["findings"] if finding["outcome"] != "pass"}
    assert "commit_reachable" in lacks
    assert lacks["commit_reachable"]["mend"]
    assert team.owed() == []
    assert team.examine() == 0
    team.repository.push()
    assert team.examine(timedelta(seconds=team.scene.settings.recheck_s + 1)) == 1
    assert team.shown(run)["verdict"] == "verified"
    assert len(team.owed()) == 1


def test_looking_again_grows_rarer_and_ends(team: Team) -> None:
    team.repository.commit("train.py", "print('never pushed')\n")
    run = team.train(1, 0.91)
    soon = team.scene.settings.recheck_s
    for age_s, wait_s in ((0, soon), (3_600, 1_800), (36_000, 18_000), (864_000, 86_400), (90 * 86_400 + 60, None)):
        team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
        later = timedelta(seconds=age_s)
        assert team.examine(later) == 1
        with reading(team.scene.engine) as session:
            due = session.exec(select(Run.check_at)).one()
        if wait_s is None:
            assert due is None
        else:
            assert due is not None
            assert (due - datetime.now(UTC) - later).total_seconds() == pytest.approx(wait_s, abs=10)


def test_a_repository_that_cannot_be_reached_is_unknown_and_asked_again(team: Team) -> None:
    hidden = team.repository.origin.with_name("hidden.git")
    team.repository.origin.rename(hidden)
    run = team.train(1, 0.91)
    team.examine()
    outcomes = {finding["check"]: finding["outcome"] for finding in team.shown(run)["findings"]}
    assert outcomes["commit_reachable"] == "unknown"
    hidden.rename(team.repository.origin)
    team.examine(timedelta(seconds=team.scene.settings.recheck_s + 1))
    assert team.shown(run)["verdict"] == "verified"


def test_a_missing_artifact_arrives_later(team: Team) -> None:
    import hashlib

    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    run, opening = run_id(1), body(report(code=team.repository.report()))
    sent = body(batch(0.91, artifacts=[ArtifactReport(name="model.pt", digest=digest, size=7)]))
    team.send("PUT", f"/api/v1/runs/{run}", opening)
    team.send("PUT", f"/api/v1/runs/{run}/batches/main/0", sent)
    end = ended({"main": WriterEnd(batches=1, head=head_of(opening, sent))})
    team.send("PUT", f"/api/v1/runs/{run}/finish", body(end))
    team.examine()
    assert team.shown(run)["verdict"] == "unverified"
    assert team.send("PUT", f"/api/v1/artifacts/{digest}", content)[0] == 201
    team.examine(timedelta(seconds=team.scene.settings.recheck_s + 1))
    assert team.shown(run)["verdict"] == "verified"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"code": None}, "tree_rebuilt"),
        ({"params": {}}, "parameters_recorded"),
    ],
)
def test_what_is_missing_or_contradicts_is_never_verified(team: Team, change: dict[str, Any], check: str) -> None:
    if "code" in change:
        from dataclasses import replace

        change = {"code": replace(team.repository.report(), tree="0" * 39 + "1")}
    run = team.train(1, 0.91, **change)
    team.examine()
    shown = team.shown(run)
    assert shown["verdict"] != "verified"
    assert check in {finding["check"] for finding in shown["findings"] if finding["outcome"] == "fail"}
    assert team.owed() == []


def test_a_contradiction_after_the_end_undoes_the_verdict(team: Team) -> None:
    run = team.train(1, 0.91)
    team.examine()
    assert team.send("PUT", f"/api/v1/runs/{run}/batches/main/0", body(batch(0.99)))[0] == 409
    assert team.examine() == 1
    assert team.shown(run)["verdict"] == "refuted"
    assert team.announced(team.owed()[0]) is None


def test_a_late_or_failed_run_is_no_news(team: Team) -> None:
    late = milliseconds(datetime.now(UTC) - timedelta(days=1))
    run = team.train(1, 0.91, started_ms=late)
    team.examine()
    assert team.shown(run)["verdict"] == "verified"
    assert team.owed() == []


def test_another_metric_judges_the_runs_again(team: Team) -> None:
    run = team.train(1, 0.91)
    team.examine()
    rules = team.send("GET", f"/api/v1/projects/{PROJECT}", who="reader")[1]
    rules["metrics"][0]["rule"] = "best"
    import json

    assert team.send("PUT", f"/api/v1/projects/{PROJECT}", json.dumps(rules).encode(), "maintainer")[0] == 200
    assert team.examine() == 1
    with reading(team.scene.engine) as session:
        version = session.exec(
            sa.text("SELECT version FROM metric_definition JOIN run ON metric_id = metric_definition.id")  # type: ignore[call-overload]
        ).scalar_one()
    assert version == 3  # the scene's own, the team's, this one
    assert team.shown(run)["verdict"] == "verified"
    assert len(team.owed()) == 1
    # The same rules again change nothing, and nobody is judged again.
    assert team.send("PUT", f"/api/v1/projects/{PROJECT}", json.dumps(rules).encode(), "maintainer")[0] == 200
    assert team.examine() == 0


def test_a_recheck_during_a_look_is_not_forgotten(team: Team) -> None:
    from registry import examine, keys
    from registry.keeping import keep

    run = team.train(1, 0.91)
    now = datetime.now(UTC)
    engine, store, settings = team.scene.engine, team.scene.store, team.scene.settings
    with transaction(engine) as session:
        claimed = examine.claim(session, now)
    assert claimed is not None
    seen = examine.look(engine, store, settings, claimed.run_id)
    team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
    with transaction(engine) as session:
        assert keep(session, claimed, seen, keys.load(settings.data_dir / "keys"), settings, now) is None
    assert team.examine(timedelta(seconds=1)) == 1
    assert team.shown(run)["verdict"] == "verified"


def test_a_claim_lasts_as_long_as_reading_takes(team: Team) -> None:
    from registry import examine
    from trackrecord.report import ArtifactReport

    run, now = run_id(1), datetime.now(UTC)
    team.send("PUT", f"/api/v1/runs/{run}", body(report()))
    for sequence, size in enumerate((100_000_000_000, 2**63 - 1)):
        large = ArtifactReport(name=f"model-{sequence}", digest=f"{sequence}" * 64, size=size)
        team.send("PUT", f"/api/v1/runs/{run}/batches/main/{sequence}", body(batch(artifacts=[large])))
        team.send("POST", f"/api/v1/runs/{run}/recheck")
        with transaction(team.scene.engine) as session:
            claimed = examine.claim(session, datetime.now(UTC))
        assert claimed is not None
        assert claimed.until > now + (examine.LEASE + timedelta(seconds=2_000 if sequence == 0 else 86_000))


def test_two_schedules_look_at_a_run_once(team: Team) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(4):
        team.train(number, 0.9 + number / 100)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: team.examine(), range(3)))
    assert sum(done) == 4
    assert len({row.key for row in team.owed()}) == len(team.owed())
    assert team.owed()[-1].payload["run"] in {run_id(number) for number in range(4)}


def test_the_settings_reach_the_ticker(team: Team) -> None:
    from registry import schedule

    run = team.train(1, 0.91)
    settings: Settings = team.scene.settings
    ticking = schedule.start(team.scene.engine, team.scene.store, settings)
    try:
        end = time.monotonic() + 20
        while team.shown(run)["verdict"] != "verified":
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        ticking.shutdown(wait=True)

"""Whoever was told in a channel that a run is the best is told when its verdict changes, once, with the reason."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from registry import outbox
from registry.announcements.verdict_changed import verdict_changed
from registry.asker import Asker
from registry.db import reading, transaction
from registry.tables import Outgoing
from tests.api.scene import PROJECT, batch, body, make_scene
from tests.flows.repository import Repository, git
from tests.flows.server import Server
from tests.flows.test_a_run import Team
from trackrecord.report import ArtifactReport, CorrectionReport

WEIGHTS = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture
def on_sqlite(sqlite_engine: sa.Engine, tmp_path: Path) -> Iterator[Team]:
    scene = make_scene(sqlite_engine, tmp_path, git_protocols="file:https:ssh")
    with Server(scene.app) as server:
        yield Team(scene, server, Repository(tmp_path / "code"))


@pytest.fixture
def team(engine: sa.Engine, tmp_path: Path) -> Iterator[Team]:
    scene = make_scene(engine, tmp_path, git_protocols="file:https:ssh")
    with Server(scene.app) as server:
        yield Team(scene, server, Repository(tmp_path / "code"))


def tell(team: Team, ts: str | None = "1.5") -> None:
    """What is owed is sent to one channel, as the bot marks it."""
    now = datetime.now(UTC)
    (owed,) = team.owed()
    with transaction(team.scene.engine) as session:
        key = f"{owed.key}/C1"
        outbox.owe(session, key=key, kind=owed.kind, project_id=owed.project_id, payload=owed.payload, now=now)
        row = session.exec(select(Outgoing).where(Outgoing.key == key)).one()
        row.channel, row.sent_at, row.ts = "C1", now, ts
        session.get_one(Outgoing, owed.id).sent_at = now


def changes(team: Team) -> list[str | None]:
    """What is owed about changed verdicts, as it reads now; None: not true any more."""
    said: list[str | None] = []
    with reading(team.scene.engine) as session:
        query = select(Outgoing).where(Outgoing.kind == "verdict_changed").order_by(col(Outgoing.id))
        for row in session.exec(query):
            answer = verdict_changed(session, Asker(), datetime.now(UTC), row.payload)
            said.append(answer.text if answer is not None else None)
    return said


def invalidate(team: Team, run: str) -> None:
    said = CorrectionReport(what="invalidated", reason="evaluated on the training split")
    assert team.send("POST", f"/api/v1/runs/{run}/corrections", body(said))[0] == 201
    team.examine(timedelta(seconds=1))


def test_an_announced_run_that_is_invalidated_is_said_once(team: Team) -> None:
    run = team.train(1, 0.91)
    assert team.examine() == 1
    tell(team)
    invalidate(team, run)
    (text,) = changes(team)
    assert text == (
        "brave-otter-1 is not verified any more: invalidated by ada: evaluated on the training split. "
        "It was announced as the best with 91.00 %. There is no verified run now."
    )
    team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
    team.examine(timedelta(seconds=2))
    assert len(changes(team)) == 1


def forced_away(team: Team, run: str) -> None:
    """Its commit is taken off the branch; the registry's mirror is a day old when it looks again."""
    first = git(team.repository.clone, "rev-parse", "HEAD~1")
    git(team.repository.clone, "push", "-q", "--force", "origin", f"{first}:main")
    for fetched in team.scene.settings.data_dir.glob("mirrors/*/trackrecord-fetched"):
        os.utime(fetched, (0, 0))


def lost(team: Team, run: str) -> None:
    """The file that the run named is gone from the store."""
    for file in team.scene.settings.data_dir.glob(f"artifacts/*/{WEIGHTS}"):
        file.unlink()


def contradicted(team: Team, run: str) -> None:
    """A batch comes again with another value."""
    assert team.send("PUT", f"/api/v1/runs/{run}/batches/main/0", body(batch(0.99)))[0] == 409


def another_board(team: Team, run: str) -> None:
    """The project measures on other data from now on."""
    rules = team.send("GET", f"/api/v1/projects/{PROJECT}", who="reader")[1]
    rules["metrics"][0]["dataset_digest"] = "e" * 64
    assert team.send("PUT", f"/api/v1/projects/{PROJECT}", json.dumps(rules).encode(), "maintainer")[0] == 200


FALLS: dict[str, tuple[Callable[[Team, str], None], str]] = {
    "force-pushed commit": (forced_away, "is on no allowed branch or tag any more; it was reachable at"),
    "missing artifact": (lost, "Not in the store yet: model.pt"),
    "contradicting batch": (contradicted, "refuted: "),
    "superseded definition": (another_board, "the project pins eeeeeeeeeeee: another split or version"),
}


@pytest.mark.parametrize("how", FALLS)
def test_a_verdict_that_falls_is_told_once_with_its_reason(on_sqlite: Team, how: str) -> None:
    team, (fall, reason) = on_sqlite, FALLS[how]
    team.repository.commit("train.py", "print('second')\n")
    team.repository.push()
    assert team.send("PUT", f"/api/v1/artifacts/{WEIGHTS}", b"weights")[0] == 201
    artifact = ArtifactReport(name="model.pt", digest=WEIGHTS, size=7)
    run = team.train(1, 0.91, artifacts=[artifact])
    assert team.examine() == 1
    tell(team)
    fall(team, run)
    team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
    assert team.examine(timedelta(seconds=1)) == 1
    (text,) = changes(team)
    assert text is not None
    assert text.startswith("brave-otter-1 is not verified any more: ")
    assert reason in text
    assert text.endswith("It was announced as the best with 91.00 %. There is no verified run now.")


def test_a_verdict_that_rises_again_is_told_too(on_sqlite: Team) -> None:
    team = on_sqlite
    run = team.train(1, 0.91, artifacts=[ArtifactReport(name="model.pt", digest=WEIGHTS, size=7)])
    assert team.send("PUT", f"/api/v1/artifacts/{WEIGHTS}", b"weights")[0] == 201
    assert team.examine() == 1
    tell(team)
    lost(team, run)
    team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
    team.examine(timedelta(seconds=1))
    assert team.send("PUT", f"/api/v1/artifacts/{WEIGHTS}", b"weights")[0] == 201
    team.send("POST", f"/api/v1/runs/{run}/recheck", who="reader")
    team.examine(timedelta(seconds=2))
    fell, rose = changes(team)
    assert fell is None  # not true any more, should nobody have sent it yet
    assert rose == (
        "brave-otter-1 is verified again. It was announced as the best with 91.00 %. "
        "The best is now brave-otter-1 by ada with 91.00 %."
    )


def test_nobody_was_told_where_nothing_was_posted(team: Team) -> None:
    run = team.train(1, 0.91)
    assert team.examine() == 1
    tell(team, ts=None)
    invalidate(team, run)
    assert changes(team) == []

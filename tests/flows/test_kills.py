"""Killed between any two steps: nothing is lost, nothing is kept by halves, and nothing is said twice."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry.db import reading
from registry.examine import LEASE
from registry.outbox import LEASE as CLAIM
from registry.tables import Finding, Outgoing, Run
from tests.api.scene import make_scene, run_id
from tests.flows import dying
from tests.flows.repository import Repository
from tests.flows.server import Server
from tests.flows.test_a_run import Team

KILLED = -9

# Forked from a process that has imported everything and holds neither a connection nor a thread.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.flows.dying", "tests.slack.killed"])  # one such process for both tests

JUDGING = (
    "before git",
    "after git",
    "after the look",
    "before the findings",
    "after the findings",
    "before owing",
    "after owing",
    "before the commit",
)
SENDING = ("after the claim", "before the post", "after the post")


@pytest.fixture
def team(engine: sa.Engine, tmp_path: Path) -> Iterator[Team]:
    scene = make_scene(engine, tmp_path, git_protocols="file")
    with Server(scene.app) as server:
        yield Team(scene, server, Repository(tmp_path / "code"))


def step(team: Team, place: str, what: str) -> int:
    """One step in a process of its own; its exit status."""
    url = team.scene.engine.url.render_as_string(hide_password=False)
    folder = str(team.scene.settings.data_dir)
    process = _processes.Process(target=dying.step, args=(url, folder, place, what))
    process.start()
    process.join(60)
    assert process.exitcode in (0, KILLED), process.exitcode
    return process.exitcode


def verdict_and_findings(team: Team) -> tuple[str, int]:
    with reading(team.scene.engine) as session:
        run = session.exec(select(Run)).one()
        return run.verdict, len(session.exec(select(Finding)).all())


def expire(team: Team, table: type, column: str, lease: timedelta) -> None:
    """Let the claim of the one that was killed run out, without waiting for it."""
    with team.scene.engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        claimed = getattr(table, column)
        connection.execute(
            sa.update(table).where(claimed <= past + lease + timedelta(minutes=1)).values({column: past})
        )


@pytest.mark.parametrize("place", JUDGING)
def test_a_judgement_that_is_killed_is_made_again_whole(team: Team, place: str) -> None:
    run = team.train(1, 0.91)
    assert step(team, place, "judge") == KILLED
    assert verdict_and_findings(team) == ("unverified", 0)
    assert team.owed() == []
    assert team.examine() == 0, "the claim of the one that died still stands"
    expire(team, Run, "check_at", LEASE)
    assert team.examine() == 1
    assert verdict_and_findings(team)[0] == "verified"
    assert [row.key for row in team.owed()] == [f"new_best/milestone-1/{run}"]


def test_one_that_dies_after_its_judgement_has_owed_already(team: Team) -> None:
    team.train(1, 0.91)
    assert step(team, "nowhere", "judge") == 0
    assert verdict_and_findings(team)[0] == "verified"
    assert len(team.owed()) == 1
    assert team.examine() == 0


@pytest.mark.parametrize("place", SENDING)
def test_a_sender_that_is_killed_neither_loses_nor_doubles(team: Team, place: str) -> None:
    team.train(1, 0.91)
    team.examine()
    assert step(team, place, "send") == KILLED
    assert step(team, "nowhere", "send") == 0
    posted = team.scene.settings.data_dir / "posted"
    expire(team, Outgoing, "claimed_until", CLAIM)
    assert step(team, "nowhere", "send") == 0
    assert posted.read_text().splitlines() == [row.key for row in team.owed()]
    assert all(row.sent_at is not None for row in team.owed())


def test_a_server_that_is_killed_keeps_what_it_answered(engine: sa.Engine, tmp_path: Path) -> None:
    from tests.flows.process import Registry

    with Registry(engine, tmp_path) as registry:
        token = registry.admin_token
        registry.make_project(token)
        kept = [run_id(number) for number in range(12) if registry.open_run(token, run_id(number))]
        registry.kill()
        registry.start()
        assert registry.admin_token_printed == 1
        with reading(engine) as session:
            assert sorted(session.exec(select(Run.id))) == kept
        assert all(registry.open_run(token, run) for run in kept), "the same again is fine"

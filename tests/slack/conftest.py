"""The team's work in a database, and a workspace with the bot in it, once by Socket Mode and once by signed HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.db import connect, transaction
from registry.tables import SlackChannel
from tests.answers.team import make_team
from tests.slack.world import CHANNEL, World, running, workspace


def keep_team(engine: sa.Engine) -> None:
    """The team's runs, and #milestone-1 bound to their project with claims checked."""
    make_team(engine)
    with transaction(engine) as session:
        session.add(SlackChannel(team_id="T0PLAY", channel_id=CHANNEL, project_id="milestone-1", claims=True))


@pytest.fixture(scope="session")
def _team_template(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("team") / "team.sqlite"
    shutil.copyfile(_sqlite_template, file)
    engine = connect(f"sqlite:///{file}")
    keep_team(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


@pytest.fixture
def team_engine(_team_template: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """A SQLite database with the team's runs in it."""
    shutil.copyfile(_team_template, tmp_path / "team.sqlite")
    engine = connect(f"sqlite:///{tmp_path / 'team.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session", params=["socket", "http"])  # not module: a workspace and a bot take seconds to start
def world(
    request: pytest.FixtureRequest, _team_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Workspace and bot on the team's database."""
    folder = tmp_path_factory.mktemp(f"world-{request.param}")
    shutil.copyfile(_team_template, folder / "team.sqlite")
    with running(folder, request.param, f"sqlite:///{folder / 'team.sqlite'}") as made:
        yield made


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A workspace alone: the tests themselves speak to it."""
    with workspace(tmp_path_factory.mktemp("slack"), "socket", "sqlite://") as made:
        yield made

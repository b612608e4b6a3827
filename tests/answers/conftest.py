"""The team's project on a real database of either kind, and a way to ask about it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from registry.ask import ask, questions
from registry.asker import Asker
from registry.db import connect, reading, transaction
from tests.answers.team import NOW, make_team
from tests.conftest import _database
from trackrecord.answer import Answer

Ask = Callable[..., Answer]
SLACK = Asker(owner="ada", prefix="/")


@pytest.fixture
def team(engine: sa.Engine) -> sa.Engine:
    """A database in which the team has worked."""
    make_team(engine)
    return engine


def asking(engine: sa.Engine) -> Ask:
    def put(question: str, words: str = "", **who: object) -> Answer:
        opened = transaction if questions()[question].writes else reading
        with opened(engine) as session:
            answer = ask(session, question, words, replace(SLACK, **who), NOW)  # type: ignore[arg-type]
        assert Answer.from_json(answer.as_json()) == answer
        return answer

    return put


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_team(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """The same, made once for all tests that only read."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            file = tmp_path_factory.mktemp("team") / "registry.sqlite"
            shutil.copyfile(request.getfixturevalue("_sqlite_template"), file)
            url = f"sqlite:///{file}"
        else:
            admin = request.getfixturevalue("_postgres_admin")
            url = stack.enter_context(_database(admin, request.getfixturevalue("_postgres_template")))
        engine = connect(url)
        make_team(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def put(shared_team: sa.Engine) -> Ask:
    """Asks the team's registry as ada in Slack. Nothing may be written through it."""
    return asking(shared_team)

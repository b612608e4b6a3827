"""Whatever goes wrong is said in words: what a person can mend, a database that is down, a mistake of ours."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

import registry.answers
from bot.blocks import draw
from bot.command import Asked
from bot.deliver import Slack
from bot.desk import Desk, answer_to
from registry.db import connect, reading
from registry.settings import Settings
from registry.tables import Outgoing, Seen
from tests.answers.team import NOW
from tests.slack.conftest import keep_team
from tests.slack.world import CHANNEL, eventually, running, shown


def desk(engine: sa.Engine) -> Desk:
    return Desk(
        Settings(_env_file=None, command_prefix="tr-"), engine, Slack(None, "http://127.0.0.1:1/api/"), lambda: NOW
    )


def asked(question: str, words: str = "", channel: str = CHANNEL) -> Asked:
    return Asked(question, words, "UADA", "T0PLAY", channel)


def test_the_channel_gives_the_project_and_hints_carry_the_prefix(engine: sa.Engine) -> None:
    keep_team(engine)
    assert "milestone-1" in answer_to(desk(engine), asked("best")).text
    wrong = answer_to(desk(engine), asked("best", "milestone-2"))
    assert wrong.tone == "warn"
    assert "/tr-best milestone-1" in str(wrong.parts)
    assert "/tr-best" in str(answer_to(desk(engine), asked("")).parts)  # nothing asked is help


def test_a_question_that_writes_is_kept(engine: sa.Engine) -> None:
    keep_team(engine)
    answer = answer_to(desk(engine), asked("recheck", "shy-badger-21"))
    assert answer.tone != "bad"
    with reading(engine) as session:
        assert session.execute(sa.text("SELECT count(*) FROM run WHERE check_at IS NOT NULL")).scalar_one() == 1


def test_a_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    answer = answer_to(desk(connect(f"sqlite:///{tmp_path / 'empty.sqlite'}")), asked("best"))
    assert answer.text == "The registry's database does not answer."
    assert "Try again" in str(answer.parts)


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "broken.py").write_text('def broken(session, asker, now):\n    """Breaks."""\n    return 1 / 0\n')
    registry.answers.__path__.append(str(tmp_path))
    yield
    registry.answers.__path__.remove(str(tmp_path))
    sys.modules.pop("registry.answers.broken", None)


@pytest.mark.usefixtures("broken")
def test_a_mistake_of_ours_is_a_number_to_quote(team_engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = answer_to(desk(team_engine), asked("broken"))
    message = draw(answer)
    number = re.search(r"in the log under ([0-9a-f]{8})\.$", message.text)
    assert number
    assert "ZeroDivisionError" not in str(message)
    assert number[1] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_all_of_it_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    engine = connect(postgres_url)
    keep_team(engine)
    with running(tmp_path, "http", postgres_url) as world:
        since = world.now()
        world.do("command", user="UADA", channel=CHANNEL, text="/best")
        eventually(lambda: [m for m in world.newest(since) if "brave-otter-42 by ada" in shown(m)])
        ts = world.say("93.4 % with my new model", user="UBEN")
        eventually(lambda: "No registered run" in (world.replies(ts) or [{"text": ""}])[0]["text"])
        world.do("edit", user="UBEN", channel=CHANNEL, ts=ts, text="I got 91.2 % accuracy")
        eventually(lambda: "brave-otter-42 by ada has it" in world.replies(ts)[0]["text"])
    with reading(engine) as session:
        assert len(session.exec(select(Seen)).all()) >= 3
        assert session.exec(select(Outgoing)).one().ts
    engine.dispose()

"""A new question is one new file: it is in help, in ask, in the JSON route and on a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

import registry.answers
from registry import tokens
from registry.api import create_app
from registry.artifacts import Store
from registry.ask import questions
from registry.db import transaction
from registry.settings import Settings
from tests.answers.conftest import Ask, asking
from tests.answers.team import make_project

TOY = '''
"""Counts letters."""

from datetime import datetime
from typing import Annotated

from sqlmodel import Session

from registry.asker import Asker
from registry.words import Between
from trackrecord.answer import Answer, Chart, Note, Series

Times = Annotated[int, Between(1, 9)]


def letters(session: Session, asker: Asker, now: datetime, word: str, *, times: Times = 1) -> Answer:
    """How many letters a word has."""
    said = f"{word} has {len(word) * times} letters."
    chart = Chart("letters", "line", (Series(word, (0, 1), (0, len(word))),), said)
    return Answer(word, said, (Note(f"<b>{said}</b>"), chart))
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "letters.py").write_text(TOY)
    monkeypatch.setattr(registry.answers, "__path__", [*registry.answers.__path__, str(folder)])
    yield
    sys.modules.pop("registry.answers.letters", None)
    if hasattr(registry.answers, "letters"):
        delattr(registry.answers, "letters")


@pytest.mark.usefixtures("toy")
def test_in_help_and_ask(sqlite_engine: sa.Engine) -> None:
    put: Ask = asking(sqlite_engine)
    assert "/letters word [times=1]" in str(put("help"))
    assert "How many letters a word has." in str(put("help", "letters"))
    assert put("letters", "otter times=2").text == "otter has 10 letters."
    with pytest.raises(Exception, match="letters needs a word"):
        put("letters")


@pytest.mark.usefixtures("toy")
def test_in_json_and_on_a_page(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", open_pages=True)
    with transaction(sqlite_engine) as session:
        make_project(session)
        token = tokens.give(
            session, owner="ada", role="reader", project=None, label="", expires_at=None, now=datetime.now(UTC)
        )
    with TestClient(create_app(sqlite_engine, Store(tmp_path / "store"), settings)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        listed = client.get("/api/v1/answers", headers=headers).json()
        assert "letters" in {each["name"] for each in listed}
        answer = client.get("/api/v1/answers/letters", params={"words": "otter"}, headers=headers).json()
        assert answer["text"] == "otter has 5 letters."
        page = client.get("/answers/letters", params={"words": "otter"})
        assert page.status_code == 200
        assert "&lt;b&gt;otter has 5 letters.&lt;/b&gt;" in page.text
        assert 'src="/charts/letters/0.png?words=otter"' in page.text
        assert "letters word" in client.get("/answers/help").text
        picture = client.get("/charts/letters/0.png", params={"words": "otter"})
        assert picture.content.startswith(b"\x89PNG")


def test_the_questions_there_are() -> None:
    known = questions()
    assert {"best", "compare", "help", "projects", "recent", "recheck", "repro", "show", "unverified"} <= set(known)
    assert [name for name, each in known.items() if each.writes] == ["recheck"]
    for each in known.values():
        assert each.summary.endswith((".", "`."))
        assert each.usage.startswith(each.name)


def test_a_file_without_its_function_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nothing.py").write_text('"""Nothing."""\n')
    monkeypatch.setattr(registry.answers, "__path__", [*registry.answers.__path__, str(tmp_path)])
    with pytest.raises(AttributeError):
        questions()
    sys.modules.pop("registry.answers.nothing", None)

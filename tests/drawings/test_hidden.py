"""A run in which a secret was found: no drawing of any question shows anything of what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from bot import blocks
from registry import charts, facts
from registry.api import create_app
from registry.artifacts import Store
from registry.ask import ask, questions
from registry.asker import Asker
from registry.db import reading, transaction
from registry.settings import Settings
from registry.tables import Dataset, Remark, Run
from tests.answers.team import NOW, Try, make_project, make_run
from trackrecord.answer import Answer
from trackrecord.errors import TrackrecordError
from trackrecord.report import CodeReport, CommandReport
from trackrecord.text import draw

CANARY = "canary-7f3a"  # in everything that a run reports, and in what the checks said about it
NAME = "loud-parrot-1"
ASKER = Asker(owner="ada", prefix="/")
WORDS = (
    ("best", "milestone-1"),
    ("best", "owner=eve"),
    ("best", "by=config"),
    ("show", NAME),
    ("compare", f"{NAME} calm-heron-7"),
    ("compare", f"calm-heron-7 {NAME} bold-raven-5"),
    ("repro", NAME),
    ("recent", ""),
    ("unverified", ""),
    ("claim", "99.00 %"),
    ("projects", ""),
    ("receipt", NAME),
    ("recheck", NAME),
    ("help", "show"),
)


def loud(session: object, metric: object) -> Run:
    """A run that says the canary wherever a run can say something, in front of all others."""
    code = CodeReport(
        commit="a" * 40,
        branch=CANARY,
        remote=f"https://git.example/{CANARY}.git",
        tree="b" * 40,
        base="a" * 40,
        patch="c" * 64,
        dirty=True,
        changed=[f"{CANARY}.py"],
        left_out=[f"{CANARY}.bin"],
        problem=CANARY,
    )
    command = CommandReport(argv=["python", CANARY], directory=CANARY, entry=f"{CANARY}.py")
    bad = {
        "no_secrets": facts.failed(
            "What looks like a secret is in params.api_key; the run's content is hidden.", "Go."
        ),
        "entry_in_tree": facts.refuted(f"{CANARY}.py is not in the tree", f"Add {CANARY}.py"),
        "data_pinned": facts.unknown(f"{CANARY} was not declared", f"Declare {CANARY}"),
    }
    run = make_run(
        session,  # type: ignore[arg-type]
        metric,  # type: ignore[arg-type]
        Try(
            name=NAME,
            owner="eve",
            last=0.99,
            params={f"{CANARY}.key": CANARY},
            packages={CANARY: "1.0"},
            environment={"lock_files": {f"{CANARY}.lock": "d" * 64}},
            metrics=("test/accuracy", f"{CANARY}/accuracy", f"{CANARY}/loss"),
            code=code,
            command=command,
            remarks=(CANARY,),
            state="failed",
            error=CANARY,
            bad=bad,
        ),
    )
    run.seed = f"seed={CANARY}"
    run.quarantined = True
    run.report = run.report.replace("OMP_NUM_THREADS", CANARY).replace("NVIDIA L4", CANARY)
    session.add(Dataset(run_id=run.id, name=CANARY, digest="e" * 64, split=CANARY))  # type: ignore[attr-defined]
    session.add(Remark(run_id=run.id, text=f"{CANARY} again"))  # type: ignore[attr-defined]
    return run


@pytest.fixture
def planted(engine: sa.Engine) -> sa.Engine:
    with transaction(engine) as session:
        metric = make_project(session)
        loud(session, metric)
        for seed, name in enumerate(("calm-heron-7", "bold-raven-5")):
            make_run(session, metric, Try(name=name, last=0.9 + seed / 100, seed=seed))
    return engine


def drawings(answer: Answer) -> Iterator[str]:
    yield draw(answer)
    yield json.dumps(answer.as_json())
    message = blocks.draw(answer)
    yield json.dumps([message.text, message.blocks])


def test_no_drawing_shows_what_is_hidden(planted: sa.Engine) -> None:
    for question, words in WORDS:
        opened = transaction if question in questions() and questions()[question].writes else reading
        with opened(planted) as session:
            answer = ask(session, question, words, ASKER, NOW)
        assert not [each for each in drawings(answer) if CANARY in each], (question, words)


def test_a_filter_does_not_tell_what_is_hidden(planted: sa.Engine) -> None:
    """Neither the key nor the value can be guessed: a right guess is answered as a wrong one."""
    told = []
    for key in (f"{CANARY}.key", "wrong-guess.key"):
        with reading(planted) as session, pytest.raises(TrackrecordError) as caught:
            ask(session, "best", f"where={key}={CANARY}", ASKER, NOW)
        told.append(str(caught.value).replace(key, "KEY"))
    assert told[0] == told[1]
    with reading(planted) as session, pytest.raises(TrackrecordError) as caught:
        ask(session, "best", f"where={CANARY[:8]}=1", ASKER, NOW)
    assert CANARY not in str(caught.value)


def test_the_words_are_enough(planted: sa.Engine) -> None:
    """Each question is asked, and the canary is there to be found: once the run is not hidden, it is seen."""
    assert {question for question, _ in WORDS} == {*questions(), "help"}
    with transaction(planted) as session:
        run = session.get_one(Run, _id(session))
        run.quarantined = False
    with reading(planted) as session:
        for question, words in (("show", NAME), ("compare", f"{NAME} calm-heron-7"), ("repro", NAME), ("recent", "")):
            seen = list(drawings(ask(session, question, words, ASKER, NOW)))
            assert all(CANARY in each for each in seen), question


def test_it_is_said_why(planted: sa.Engine) -> None:
    why = "what looks like a secret is in params.api_key: the run's content is hidden"
    with reading(planted) as session:
        for question, words in (*WORDS[:2], *WORDS[3:10]):
            assert why in str(ask(session, question, words, ASKER, NOW)), question


def test_no_page_and_no_picture_shows_it(planted: sa.Engine, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", open_pages=True)
    try:
        with TestClient(create_app(planted, Store(tmp_path / "store"), settings)) as browser:
            for question, words in WORDS[3:9]:
                page = browser.get(f"/answers/{question}", params={"words": words})
                assert page.status_code == 200
                assert CANARY not in page.text
            with reading(planted) as session:
                run = _id(session)
            assert CANARY not in browser.get(f"/runs/{run}").text
            assert browser.get("/charts/show/0.png", params={"words": NAME}).status_code == 404
    finally:
        charts.stop()


def _id(session: object) -> str:
    found: str = session.execute(sa.select(Run.id).where(Run.name == NAME)).scalar_one()  # type: ignore[attr-defined,call-overload]
    return found

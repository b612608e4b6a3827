"""Adding a command is one file: help, terminal, HTTP, page, the Slack manifest and Slack have it at once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.demo import transcript, web
from examples.demo.parts import Parts, call, clean_environment
from examples.demo.stage import wait_for
from tests.slack.world import free_port

ROOT = Path(__file__).resolve().parents[1]
TOY = '''"""One file more: a question that nobody needs."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from trackrecord.answer import Answer, Table


def cheer(session: Session, asker: Asker, now: datetime, who: str = "everybody", *, times: int = 3) -> Answer:
    """Cheers for somebody, a few times."""
    table = Table(("number", "cheer"), tuple((number + 1, f"hooray {who}") for number in range(times)))
    return Answer(title="Cheers", text=f"{times} cheers for {who}.", parts=(table,), tone="good")
'''


@dataclass(frozen=True)
class House:
    """A copy of the sources with one file more, and the parts that were started from it."""

    app: Path
    environment: dict[str, str]
    registry: str
    workspace: str
    token: str
    manifest: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    top = tmp_path_factory.mktemp("toy")
    app = top / "app"
    for package in ("registry", "bot"):
        shutil.copytree(ROOT / package, app / package, ignore=shutil.ignore_patterns("__pycache__"))
    (app / "registry/answers/cheer.py").write_text(TOY)
    registry, workspace = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    environment = clean_environment(
        HOME=str(top),
        TRACKRECORD_DATA_DIR=str(top / "data"),
        TRACKRECORD_PORT=registry.rpartition(":")[2],
        TRACKRECORD_OPEN_PAGES="true",
        TRACKRECORD_SLACK_MODE="socket",
        TRACKRECORD_SLACK_BOT_TOKEN="xoxb-toy",
        TRACKRECORD_SLACK_APP_TOKEN="xapp-toy",
        TRACKRECORD_SLACK_SIGNING_SECRET="toy",
        TRACKRECORD_SLACK_TEAMS="T0PLAY",
        TRACKRECORD_SLACK_API_URL=f"{workspace}/api/",
    )
    parts = Parts(top)
    try:
        server = parts.start("registry", [sys.executable, "-m", "registry"], environment, cwd=app)
        manifest = call([sys.executable, "-m", "bot", "manifest", "--mode", "socket"], environment, app).stdout
        (top / "manifest.json").write_text(manifest)
        argv = [sys.executable, "-m", "bot.playground", "--port", workspace.rpartition(":")[2]]
        argv += ["--manifest", str(top / "manifest.json"), "--bot-token", "xoxb-toy", "--app-token", "xapp-toy"]
        parts.start("workspace", argv, environment, cwd=app).line_with("workspace on")
        server.line_with("registry listening on")
        token = server.line_with("admin token: ").split("admin token: ")[1]
        parts.start("bot", [sys.executable, "-m", "bot"], environment, cwd=app).line_with("bot connected")
        yield House(app, environment, registry, workspace, token, manifest)
    finally:
        parts.stop_all()


def test_help_and_http(house: House) -> None:
    listed = web.get(f"{house.registry}/api/v1/answers", token=house.token)
    assert {
        "name": "cheer",
        "summary": "Cheers for somebody, a few times.",
        "usage": "cheer [who] [times=3]",
    } in listed
    assert "cheer" in str(web.get(f"{house.registry}/api/v1/answers/help?words=", token=house.token))
    answer = web.get(f"{house.registry}/api/v1/answers/cheer?words=ada%20times%3D2", token=house.token)
    assert answer["text"] == "2 cheers for ada."


def test_terminal(house: House) -> None:
    shell = {**house.environment, "TRACKRECORD_URL": house.registry, "TRACKRECORD_TOKEN": house.token}
    said = call(["trackrecord", "cheer", "ada", "times=2"], shell, house.app).stdout
    assert said.startswith("Cheers\n"), said
    assert said.count("hooray ada") == 2


def test_page(house: House) -> None:
    page = web.fetch(f"{house.registry}/answers/cheer?words=ada%20times%3D2").decode()
    assert "2 cheers for ada." in page
    assert page.count("hooray ada") == 2


def test_slack(house: House) -> None:
    assert '"/cheer"' in house.manifest
    typed = {"user": "UADA", "channel": "C0MILESTONE", "text": "/cheer ada times=2"}
    assert web.send(f"{house.workspace}/playground/command", typed)["status"] == 200

    def answered() -> str | None:
        state = web.get(f"{house.workspace}/playground/state?user=UADA")
        (channel,) = [each for each in state["channels"] if each["id"] == "C0MILESTONE"]
        return next((transcript.everything(m) for m in channel["messages"] if m["user"] == "UBOT"), None)

    text = wait_for("the answer", answered, seconds=20)
    assert "2 cheers for ada." in text
    assert text.count("hooray ada") == 2

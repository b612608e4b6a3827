"""Starting: what is missing is named, Slack may be down just now, channels are bound, the manifest is Slack's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from sqlmodel import select

import registry.answers
from bot import deliver, manifest
from bot.__main__ import main, missing
from bot.command import Asked
from bot.desk import Desk, answer_to
from registry.ask import questions
from registry.db import reading
from registry.settings import Settings
from registry.tables import SlackChannel
from tests.answers.team import NOW
from tests.slack.world import ROOT, free_port, start, stop, workspace

pytestmark = pytest.mark.xdist_group("slack")

TEXT = {"type": "string"}


def text(longest: int, shortest: int = 1, **more: object) -> dict[str, object]:
    return {**TEXT, "minLength": shortest, "maxLength": longest, **more}


def thing(**fields: object) -> dict[str, object]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": True}


# Slack's limits of a manifest, version 2, as its schema has them.
SCHEMA = thing(
    display_information=thing(name=text(35), description=text(140), long_description=text(4000, 175)),
    features=thing(
        bot_user=thing(display_name=text(80)),
        slash_commands={
            "type": "array",
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["command", "description"],
                "properties": {
                    "command": text(32, 2, pattern="^/[a-z0-9_-]+$"),
                    "description": text(2000),
                    "usage_hint": text(1000),
                    "url": text(3000, pattern="^https://"),
                    "should_escape": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
        },
    ),
    oauth_config=thing(scopes=thing(bot={"type": "array", "uniqueItems": True, "maxItems": 255, "items": TEXT})),
    settings=thing(
        event_subscriptions=thing(bot_events={"type": "array", "uniqueItems": True, "maxItems": 100, "items": TEXT}),
        interactivity=thing(is_enabled={"type": "boolean"}),
        socket_mode_enabled={"type": "boolean"},
    ),
)


@pytest.mark.parametrize("prefix", ["", "tr-", "abcdefghijk-"])
@pytest.mark.parametrize("mode", ["socket", "http"])
def test_the_manifest_is_what_slack_takes(mode: str, prefix: str) -> None:
    url = "https://bot.example.org/slack/events"
    made = manifest.manifest(mode, prefix, url)  # type: ignore[arg-type]
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(made)] == []
    commands = [command["command"] for command in made["features"]["slash_commands"]]
    assert commands == [*(f"/{prefix}{name}" for name in questions()), "/trackrecord"]
    assert made["settings"]["socket_mode_enabled"] is (mode == "socket")
    urls = [command.get("url") for command in made["features"]["slash_commands"]]
    urls += [made["settings"][part].get("request_url") for part in ("event_subscriptions", "interactivity")]
    assert set(urls) == {url if mode == "http" else None}


def test_every_scope_and_event_is_used() -> None:
    """A method of Slack's that the code calls has its scope, and an event that it hears is subscribed to."""
    needs = {
        "chat_postMessage": "chat:write",
        "conversations_history": "channels:history",
        "files_upload_v2": "files:write",
        "files_info": "files:read",
        "conversations_open": "im:write",
        "users_info": "users:read",
    }
    source = Path(deliver.__file__).read_text()
    app = (ROOT / "bot" / "app.py").read_text()
    for method, scope in needs.items():
        assert method in source
        assert scope in manifest.SCOPES
    for event in manifest.EVENTS:
        assert f'"{event.partition(".")[0]}"' in app


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[None]:
    """One new file with a question."""
    (tmp_path / "toy.py").write_text(
        "from trackrecord.answer import Answer\n\n\n"
        "def toy(session, asker, now, word: str = ''):\n"
        '    """Says a word back."""\n'
        "    return Answer('Toy', f'You said {word}.')\n"
    )
    registry.answers.__path__.append(str(tmp_path))
    yield
    registry.answers.__path__.remove(str(tmp_path))
    sys.modules.pop("registry.answers.toy", None)


@pytest.mark.usefixtures("toy")
def test_a_new_question_is_one_file(team_engine: sa.Engine) -> None:
    listed = {command["command"]: command for command in manifest.manifest("socket")["features"]["slash_commands"]}
    assert listed["/toy"]["description"] == "Says a word back."
    assert listed["/toy"]["usage_hint"] == "[word]"
    desk = Desk(Settings(_env_file=None), team_engine, deliver.Slack(None, "http://127.0.0.1:1/api/"), lambda: NOW)
    assert answer_to(desk, Asked("toy", "hello", "UADA", "T0PLAY")).text == "You said hello."


def test_what_is_missing_is_named() -> None:
    def said(**settings: object) -> str:
        return missing(Settings(_env_file=None, **settings))  # type: ignore[arg-type]

    assert "TRACKRECORD_SLACK_MODE" in said()
    named = said(slack_mode="socket")
    assert named.startswith(
        "Set TRACKRECORD_SLACK_BOT_TOKEN and TRACKRECORD_SLACK_APP_TOKEN and TRACKRECORD_SLACK_TEAMS"
    )
    assert "SIGNING_SECRET" in said(slack_mode="http", slack_bot_token="x", slack_teams="T0")
    assert said(slack_mode="http", slack_bot_token="x", slack_teams="T0", slack_signing_secret="y") == ""


def run_bot(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *arguments]
    clean = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60)


def test_it_leaves_with_words_and_no_trace(tmp_path: Path) -> None:
    off = run_bot()
    assert (off.returncode, off.stderr) == (1, "Error: The bot is off. Set TRACKRECORD_SLACK_MODE to socket or http.\n")
    empty = run_bot(
        TRACKRECORD_SLACK_MODE="http",
        TRACKRECORD_SLACK_BOT_TOKEN="x",
        TRACKRECORD_SLACK_SIGNING_SECRET="y",
        TRACKRECORD_SLACK_TEAMS="T0PLAY",
        TRACKRECORD_DATA_DIR=str(tmp_path),
    )
    assert empty.returncode == 1
    assert "Start the registry first" in empty.stderr
    assert "Traceback" not in empty.stderr


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_it_starts_while_slack_is_down(mode: str, team_engine: sa.Engine, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PATH": "/usr/bin:/bin",
        "TRACKRECORD_DATABASE_URL": team_engine.url.render_as_string(),
        "TRACKRECORD_SLACK_API_URL": f"http://127.0.0.1:{port}/api/",
        "TRACKRECORD_SLACK_MODE": mode,
        "TRACKRECORD_SLACK_PORT": "0",
        "TRACKRECORD_SLACK_TEAMS": "T0PLAY",
        "TRACKRECORD_SLACK_BOT_TOKEN": "xoxb-test",
        "TRACKRECORD_SLACK_APP_TOKEN": "xapp-1-A0PLAY-test",
        "TRACKRECORD_SLACK_SIGNING_SECRET": "signed-by-the-test",
    }
    if mode == "http":
        bot, _ = start(["-m", "bot"], "bot listening on ", environment)
    else:
        command = [sys.executable, "-m", "bot"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        bot = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)  # type: ignore[call-overload]
        assert bot.stderr is not None
        assert any("apps.connections.open failed" in line for line in bot.stderr)
        with workspace(tmp_path, "socket", "sqlite://", port=str(port)):
            assert bot.stdout is not None
            assert bot.stdout.readline() == "bot connected\n"
    stop(bot)
    assert bot.returncode == 0  # SIGTERM is a way to end it, not an accident


def test_a_channel_is_bound_by_a_command(team_engine: sa.Engine) -> None:
    environment = {"TRACKRECORD_DATABASE_URL": team_engine.url.render_as_string()}
    runner = CliRunner()
    done = runner.invoke(main, ["bind", "T0PLAY", "C0NEW", "milestone-1", "--claims"], env=environment)
    assert (done.exit_code, done.output) == (
        0,
        "C0NEW is bound to milestone-1; claims are checked; new bests are announced\n",
    )
    again = runner.invoke(main, ["bind", "T0PLAY", "C0NEW", "milestone-1", "--no-announcements"], env=environment)
    assert again.exit_code == 0
    with reading(team_engine) as session:
        row = session.exec(select(SlackChannel).where(SlackChannel.channel_id == "C0NEW")).one()
        assert (row.project_id, row.claims, row.announcements) == ("milestone-1", False, False)
    unknown = runner.invoke(main, ["bind", "T0PLAY", "C0NEW", "milestone-9"], env=environment)
    assert unknown.exit_code == 1
    assert "There is no project milestone-9" in unknown.output


def test_the_manifest_is_printed() -> None:
    runner = CliRunner()
    printed = runner.invoke(main, ["manifest"], env={"TRACKRECORD_COMMAND_PREFIX": "tr-"})
    assert json.loads(printed.output)["features"]["slash_commands"][0]["command"].startswith("/tr-")
    no_url = runner.invoke(main, ["manifest", "--mode", "http"])
    assert no_url.exit_code == 1
    assert "https://" in no_url.output

"""The HTTP door: what is signed is served, everything else is 400 or 401 in few words, never 500."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
import urllib3
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier
from sqlmodel import select

from bot.app import Pools, create_app
from bot.deliver import Slack
from bot.desk import Desk
from bot.http import create_http
from registry.db import connect, reading
from registry.settings import Settings
from registry.tables import Seen
from tests.slack.world import HTTP, eventually, free_port

SECRET = "signed-by-the-test"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def signature_of(timestamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Door:
    url: str
    desk: Desk

    def post(self, body: bytes, content_type: str = JSON, **headers: str) -> urllib3.BaseHTTPResponse:
        return HTTP.request(
            "POST", f"{self.url}/slack/events", body=body, headers={"content-type": content_type, **headers}
        )

    def signed(self, body: bytes | str, content_type: str = JSON, at: float | None = None) -> urllib3.BaseHTTPResponse:
        raw = body.encode() if isinstance(body, str) else body
        timestamp = str(int(at or time.time()))
        signature = signature_of(timestamp, raw)
        return self.post(raw, content_type, **{"x-slack-request-timestamp": timestamp, "x-slack-signature": signature})


@contextmanager
def opened(engine: sa.Engine) -> Iterator[Door]:
    """The real app behind a real server; the Slack that it would answer to is not there."""
    chosen = Settings(
        _env_file=None,
        slack_bot_token="xoxb-test",
        slack_signing_secret=SECRET,
        slack_teams="T0PLAY",
        slack_app_id="A0PLAY",
        slack_api_url=f"http://127.0.0.1:{free_port()}/api/",
    )
    desk = Desk(chosen, engine, Slack("xoxb-test", chosen.slack_api_url, timeout_s=2))
    pools = Pools.of(4)
    app = create_http(create_app(desk, pools, lambda: None), SECRET)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield Door(f"http://127.0.0.1:{listening.getsockname()[1]}", desk)
    finally:
        server.should_exit = True
        thread.join(20)
        pools.close()


@pytest.fixture
def door(team_engine: sa.Engine) -> Iterator[Door]:
    with opened(team_engine) as made:
        yield made


@pytest.fixture(scope="module")
def shut(_team_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One door for all that is refused before it is looked at: nothing of it may leave a trace for the next."""
    file = tmp_path_factory.mktemp("shut") / "team.sqlite"
    shutil.copyfile(_team_template, file)
    engine = connect(f"sqlite:///{file}")
    with opened(engine) as made:
        yield made
    engine.dispose()


def event(**more: Any) -> str:
    inner = {"type": "message", "channel": "C0", "user": "U0", "text": "hello", "ts": "1.1", "channel_type": "channel"}
    body = {"type": "event_callback", "team_id": "T0PLAY", "api_app_id": "A0PLAY", "event_id": "Ev1", "event": inner}
    return json.dumps(body | more)


def command(**more: str) -> str:
    fields = {
        "command": "/best",
        "text": "",
        "team_id": "T0PLAY",
        "api_app_id": "A0PLAY",
        "user_id": "UADA",
        "channel_id": "C0",
        "trigger_id": "1.2",
        "response_url": "http://127.0.0.1:1/x",
    }
    return urlencode(fields | more)


def test_what_slack_signed_is_served(door: Door) -> None:
    assert door.signed(event()).status == 200
    assert door.signed(command(), FORM).status == 200
    challenge = door.signed(json.dumps({"type": "url_verification", "challenge": "abc"}))
    assert (challenge.status, challenge.json()) == (200, {"challenge": "abc"})
    assert HTTP.request("GET", f"{door.url}/healthz").json() == {"status": "ok"}


def test_our_signatures_are_slacks_own() -> None:
    theirs = SignatureVerifier(SECRET).generate_signature(timestamp="1700000000", body="a=1")
    assert signature_of("1700000000", b"a=1") == theirs


def seen(door: Door) -> set[str]:
    with reading(door.desk.engine) as session:
        return set(session.exec(select(Seen.key)))


def test_a_second_delivery_is_acknowledged_and_remembered_once(door: Door) -> None:
    for _ in range(3):
        assert door.signed(event()).status == 200
        assert door.signed(command(), FORM).status == 200
    eventually(lambda: seen(door) == {"event/Ev1", "trigger/1.2"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-request-timestamp": "1", "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "abc", "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "1e9", "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "-1", "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "9" * 400, "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "", "x-slack-signature": ""},
        {"x-slack-request-timestamp": "NOW", "x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "NOW", "x-slack-signature": "v0=\xe9"},
        {"x-slack-request-timestamp": "NOW", "x-slack-signature": "v1=" + "0" * 64},
        {"x-slack-request-timestamp": "NOW"},
    ],
)
def test_what_slack_did_not_sign_is_401(shut: Door, headers: dict[str, str]) -> None:
    sent = {name: str(int(time.time())) if value == "NOW" else value for name, value in headers.items()}
    got = shut.post(event().encode(), **sent)
    assert got.status == 401
    assert len(got.data) < 60
    assert seen(shut) == set()


def test_what_is_too_old_or_from_the_future_is_401(door: Door) -> None:
    assert door.signed(event(), at=time.time() - 301).status == 401
    assert door.signed(event(), at=time.time() + 301).status == 401
    assert door.signed(event(), at=time.time() - 200).status == 200


def test_a_changed_body_is_401(door: Door) -> None:
    good = event().encode()
    timestamp = str(int(time.time()))
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature_of(timestamp, good)}
    assert door.post(good.replace(b"hello", b"hallo"), **headers).status == 401
    assert door.post(good, **headers).status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JSON),
        (b"\xff\xfe", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'"x"', JSON),
        (b"[" * 100_000, JSON),
        (b"", FORM),
        (b"payload=", FORM),
        (b"payload=%7B", FORM),
        (b"payload=[]", FORM),
        (b"payload=%FF", FORM),
        (b"&".join(b"a=1" for _ in range(5000)), FORM),
        (b"hello", "text/plain"),
    ],
)
def test_a_signed_body_that_cannot_be_read_is_400(shut: Door, body: bytes, content_type: str) -> None:
    got = shut.signed(body, content_type)
    assert got.status == 400
    assert len(got.data) < 60


def test_a_huge_body_is_413(shut: Door) -> None:
    assert shut.signed(b'{"a":"' + b"x" * 1_100_000 + b'"}').status == 413


NAMES = ["type", "event", "team", "team_id", "user", "id", "channel", "actions", "action_id", "command", "view", "text"]
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    st.sampled_from([None, "event_callback", "block_actions", "shortcut", "view_submission"]),
    st.booleans(),
)
def test_no_signed_shape_is_a_500(door: Door, shape: dict[str, Any], kind: str | None, form: bool) -> None:
    body = {"team_id": "T0PLAY", "api_app_id": "A0PLAY", **shape} | ({"type": kind} if kind else {})
    text = json.dumps(body)
    got = door.signed("payload=" + quote(text), FORM) if form else door.signed(text)
    assert got.status in (200, 400, 404)  # 404: signed, ours, and of a kind that nobody listens to


@pytest.mark.parametrize(
    "other",
    [
        {"team_id": "T0OTHER"},
        {"team_id": ""},
        {"api_app_id": "A0OTHER"},
        {"api_app_id": ""},
        {"team_id": "t0play"},
        {"enterprise_id": "E0OTHER", "team_id": "T0OTHER"},
    ],
)
def test_other_workspaces_and_apps_are_refused(door: Door, other: dict[str, str]) -> None:
    got = door.signed(command(**other), FORM)
    assert (got.status, got.data) == (200, b"trackrecord does not answer in this workspace.")
    assert door.signed(event(**other)).data == b""
    time.sleep(0.2)
    assert seen(door) == set()


def test_a_stranger_in_a_shared_channel_is_refused(door: Door) -> None:
    inner = {"type": "message", "channel": "C0", "user": "U0", "text": "x", "ts": "1", "user_team": "T0OTHER"}
    assert door.signed(event(event=inner)).status == 200
    pressed = {
        "type": "block_actions",
        "team": {"id": "T0PLAY"},
        "user": {"id": "U0", "team_id": "T0OTHER"},
        "api_app_id": "A0PLAY",
        "trigger_id": "9.9",
        "actions": [{"action_id": "ask:0", "value": "{}"}],
    }
    assert door.signed(urlencode({"payload": json.dumps(pressed)}), FORM).status == 200
    time.sleep(0.2)
    assert seen(door) == set()


def test_a_command_is_acknowledged_while_the_database_is_stuck(door: Door) -> None:
    with door.desk.engine.begin():  # SQLite: nobody else can write now
        began = time.monotonic()
        assert door.signed(command(), FORM).status == 200
        assert time.monotonic() - began < 2.5  # Slack waits for three seconds
        with suppress(AssertionError):
            eventually(lambda: seen(door), 0.5)
    eventually(lambda: seen(door) == {"trigger/1.2"})

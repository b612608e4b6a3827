"""`python -m bot.playground` as a process: the line it prints, its remote control, its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MANIFEST = {
    "features": {
        "slash_commands": [{"command": "/tr-best", "description": "The best run", "usage_hint": "[project]"}],
        "shortcuts": [{"name": "Check this claim", "type": "message", "callback_id": "check"}],
        "unfurl_domains": ["example.org"],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}},
}


@contextmanager
def running(manifest: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own and the address that it prints."""
    manifest.write_text(json.dumps(MANIFEST))
    command = [sys.executable, "-m", "bot.playground", "--port", "0", "--manifest", str(manifest)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith("workspace on http://127.0.0.1:")
        yield started, line.split()[-1]
    finally:
        started.kill()
        started.wait()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("playground") / "manifest.json") as (_, address):
        yield address


def ask(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_remote_control(url: str) -> None:
    status, said = ask(f"{url}/playground/message", {"user": "UADA", "channel": "C0MILESTONE", "text": "hi <b>"})
    assert status == 200
    _, state = ask(f"{url}/playground/state?user=UBEN")
    room = next(channel for channel in state["channels"] if channel["id"] == "C0MILESTONE")
    assert [(m["ts"], m["text"], m["mine"]) for m in room["messages"]] == [(said["ts"], "hi &lt;b&gt;", False)]
    assert state["commands"] == [{"name": "/tr-best", "summary": "The best run", "usage": "[project]"}]
    assert {channel["id"] for channel in state["channels"]} == {"C0MILESTONE", "C0GENERAL", "D0BEN"}
    _, journal = ask(f"{url}/playground/journal?kind=message")
    assert journal["entries"][0]["ts"] == said["ts"]
    assert ask(f"{url}/playground/fault", {"method": "auth.test", "kind": "500"})[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("message", {"user": "UADA"}, 400, "missing_field"),
        ("message", {"user": "UADA", "channel": "C0NO", "text": "x"}, 404, "channel_not_found"),
        ("message", {"user": "UNOBODY", "channel": "C0MILESTONE", "text": "x"}, 404, "channel_not_found"),
        ("message", [1], 400, "bad_request"),
        ("action", {"user": "UADA", "channel": "C0MILESTONE", "ts": "1.0", "action_id": "a"}, 404, "message_not_found"),
        ("view", {"user": "UADA", "view_id": "V9", "values": {}}, 404, "view_not_found"),
        ("fault", {"method": "x", "kind": "meteor"}, 400, "bad_request"),
        ("redeliver", {"event_id": "Ev9"}, 404, "event_not_found"),
    ],
)
def test_wrong_requests_are_refused(url: str, path: str, body: Any, status: int, error: str) -> None:
    assert ask(f"{url}/playground/{path}", body)[0] == status
    assert ask(f"{url}/playground/{path}", body)[1]["error"] == error


def test_other_sites_cannot_press_buttons_here(url: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert ask(f"{url}/playground/home", {"user": "UADA"}, **headers) == (403, {"error": "cross_site"})


def test_the_page_is_served_under_a_strict_policy(url: str) -> None:
    with urllib.request.urlopen(url, timeout=5) as page:
        policy = page.headers["content-security-policy"]
        text = page.read().decode()
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "Stand-in for Slack: an approximation, not Slack" in text
    assert "<script>" not in text


def test_no_markup_is_built_from_text() -> None:
    scripts = sorted((Path(__file__).parents[2] / "bot/playground/static/js").glob("*.js"))
    assert len(scripts) >= 10
    for script in scripts:
        code = "\n".join(line for line in script.read_text().splitlines() if not line.lstrip().startswith("//"))
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in code, f"{script.name} uses {word}"


def test_it_stops_at_once_while_a_stream_is_open(tmp_path: Path) -> None:
    with (
        running(tmp_path / "manifest.json") as (process, address),
        urllib.request.urlopen(f"{address}/playground/stream", timeout=5) as stream,
    ):
        assert stream.readline().startswith(b"data: ")
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - start < 5

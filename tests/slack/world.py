"""A stand-in workspace and our bot as real processes, and what a person does and sees there."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import urllib3

from bot.manifest import manifest

ROOT = Path(__file__).resolve().parents[2]
CHANNEL = "C0MILESTONE"
TOKENS = {
    "BOT_TOKEN": "xoxb-test",
    "APP_TOKEN": "xapp-1-A0PLAY-test",
    "SIGNING_SECRET": "signed-by-the-test",
}
T = TypeVar("T")
HTTP = urllib3.PoolManager(retries=False, timeout=20, maxsize=32)


# By default a test of the `world` runs once by each wire. What the wire has no part in runs by one of them.
one_wire = pytest.mark.parametrize("world", ["socket"], indirect=True)


def free_port() -> int:
    """A port that nobody listens on, and that the system hands to nobody who asks for any."""
    for port in random.SystemRandom().sample(range(15_000, 30_000), 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("no port is free")


@dataclass(slots=True)
class World:
    """The workspace at `url`; `settings` are the environment that the bot runs with."""

    url: str
    settings: dict[str, str]
    bot: subprocess.Popen[str] | None = None

    def do(self, what: str, **body: Any) -> dict[str, Any]:
        """Do something as a person: /playground/command, message, edit, action, home, fault …"""
        got = HTTP.request("POST", f"{self.url}/playground/{what}", json=body)
        assert got.status == 200, got.data
        done: dict[str, Any] = got.json()
        return done

    def say(self, text: str, user: str = "UADA", channel: str = CHANNEL, **more: Any) -> str:
        ts: str = self.do("message", user=user, channel=channel, text=text, **more)["ts"]
        return ts

    def state(self, user: str = "UADA") -> dict[str, Any]:
        got: dict[str, Any] = HTTP.request("GET", f"{self.url}/playground/state", fields={"user": user}).json()
        return got

    def journal(self, kind: str) -> list[dict[str, Any]]:
        got = HTTP.request("GET", f"{self.url}/playground/journal", fields={"kind": kind}).json()
        entries: list[dict[str, Any]] = got["entries"]
        return entries

    def messages(self, user: str = "UADA", channel: str = CHANNEL) -> list[dict[str, Any]]:
        """What the person sees of the app in the channel, threads included."""
        rooms = {room["id"]: room for room in self.state(user)["channels"]}
        return [message for message in rooms[channel]["messages"] if message["bot_id"]]

    def replies(self, ts: str, user: str = "UADA") -> list[dict[str, Any]]:
        return [message for message in self.messages(user) if message["thread_ts"] == ts]

    def file(self, message: dict[str, Any]) -> bytes:
        """The bytes of the file that a message carries, once it is ready."""
        url = self.url + message["files"][0]["url"]
        return eventually(lambda: (got := HTTP.request("GET", url)).status == 200 and got.data)

    def newest(self, since: float, user: str = "UADA", channel: str = CHANNEL) -> list[dict[str, Any]]:
        return [message for message in self.messages(user, channel) if float(message["ts"]) > since]

    def now(self, user: str = "UADA") -> float:
        """After every message that the person sees so far."""
        rooms = self.state(user)["channels"]
        return max([0.0, *(float(message["ts"]) for room in rooms for message in room["messages"])])


def eventually(look: Callable[[], T], seconds: float = 60.0) -> T:
    """What `look` sees once it is true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return seen


def start(arguments: list[str], ready: str, environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """Start `python …` and wait for the line that begins with `ready`."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(ready):
            return process, line.strip().rsplit(" ", 1)[-1]
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def stop(process: subprocess.Popen[str]) -> str:
    """End it; what it wrote to stderr."""
    process.terminate()
    try:
        return process.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1]


@contextmanager
def workspace(folder: Path, deliver: str, database_url: str, port: str = "0", **settings: str) -> Iterator[World]:
    """A stand-in workspace that knows exactly the commands, scopes and events of our manifest."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest("socket")))
    tokens = [text for name, value in TOKENS.items() for text in (f"--{name.lower().replace('_', '-')}", value)]
    arguments = ["-m", "bot.playground", "--port", port, "--deliver", deliver, "--manifest", str(file), *tokens]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRACKRECORD_")}
    process, url = start([*arguments, "--file-delay", "0.3"], "workspace on ", clean)
    environment = clean | {
        "TRACKRECORD_DATABASE_URL": database_url,
        "TRACKRECORD_DATA_DIR": str(folder),
        "TRACKRECORD_SLACK_API_URL": f"{url}/api/",
        "TRACKRECORD_SLACK_TEAMS": "T0PLAY",
        "TRACKRECORD_THREADS": "8",
        **{f"TRACKRECORD_SLACK_{name}": value for name, value in TOKENS.items()},
        **settings,
    }
    try:
        yield World(url, environment)
    finally:
        stop(process)


@contextmanager
def running(folder: Path, mode: str, database_url: str, **settings: str) -> Iterator[World]:
    """Workspace and bot, by Socket Mode or by signed HTTP."""
    port = str(free_port())
    deliver = "socket" if mode == "socket" else f"http://127.0.0.1:{port}/slack/events"
    with workspace(folder, deliver, database_url, **settings) as world:
        world.settings |= {"TRACKRECORD_SLACK_MODE": mode, "TRACKRECORD_SLACK_PORT": port}
        ready = "bot connected" if mode == "socket" else "bot listening on "
        world.bot, _ = start(["-m", "bot"], ready, world.settings)
        try:
            yield world
        finally:
            errors = stop(world.bot)
            assert "Traceback" not in errors, errors


def every(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every(inner)


def shown(message: dict[str, Any]) -> str:
    """All that a message's blocks say."""
    return "\n".join(thing["text"] for thing in every(message["blocks"]) if isinstance(thing.get("text"), str))


def images(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in message["blocks"] if block["type"] == "image"]


def button(message: dict[str, Any], name: str) -> dict[str, Any]:
    """The button whose action begins like that."""
    pressable = (thing for thing in every(message["blocks"]) if thing.get("type") == "button")
    return next(thing for thing in pressable if thing["action_id"].startswith(name))

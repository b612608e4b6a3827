"""The stage: registry, stand-in workspace and bot on loopback, each started by its own command."""

from __future__ import annotations

import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from examples.demo import team, web
from examples.demo.parts import DemoError, Parts, Process, call, free_port

Mode = Literal["socket", "http"]
_T = TypeVar("_T")
USUAL = {"registry": 8321, "bot": 8322, "workspace": 8323}
TEAM, CHANNEL, BOT_USER = "T0PLAY", "C0MILESTONE", "UBOT"


@dataclass
class Stage:
    """Addresses and keys of what runs, and how to ask it."""

    parts: Parts
    folder: Path
    registry: str
    workspace: str
    environment: dict[str, str]
    admin: str
    bot_port: int
    bot: Process | None = None
    mode: Mode = "socket"

    def api(self, path: str, token: str | None = None) -> Any:
        return web.get(f"{self.registry}/api/v1/{path}", token=token or self.admin)

    def answer(self, question: str, words: str) -> dict[str, Any]:
        """The answer as data, as anybody gets it over HTTP."""
        got = self.api(f"answers/{quote(question)}?{urlencode({'words': words})}")
        assert isinstance(got, dict)
        return got

    def say(self, what: str, **body: Any) -> Any:
        """Do something as a person in the workspace: message, command, action."""
        return web.send(f"{self.workspace}/playground/{what}", body)

    def messages(self, user: str) -> list[dict[str, Any]]:
        """What this person sees in the channel of the project, oldest first."""
        state = web.get(f"{self.workspace}/playground/state?user={user}")
        (channel,) = [each for each in state["channels"] if each["id"] == CHANNEL]
        found: list[dict[str, Any]] = channel["messages"]
        return found

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """What the workspace noted of one kind: delivery, refused."""
        entries: list[dict[str, Any]] = web.get(f"{self.workspace}/playground/journal?kind={kind}")["entries"]
        return entries

    def start_bot(self, mode: Mode) -> None:
        """Start the bot in a mode; one that runs is stopped first."""
        if self.bot:
            self.parts.stop(self.bot)
        name = f"bot-{mode}"
        environment = {**self.environment, "TRACKRECORD_SLACK_MODE": mode}
        self.bot = self.parts.start(name, [sys.executable, "-m", "bot"], environment, cwd=self.folder)
        self.bot.line_with("bot connected" if mode == "socket" else "bot listening on")

    def deliver_by(self, mode: Mode) -> None:
        """Have the workspace speak to the bot in this way from now on; the bot is started again for it."""
        if mode != self.mode:
            self.start_bot(mode)
            self.say("deliver", to="socket" if mode == "socket" else self.bot_url)
            self.mode = mode

    def picture(self, block: dict[str, Any]) -> bytes:
        """The bytes of an image block, fetched as a client of the workspace fetches them."""
        file = block["slack_file"]["id"]
        return web.fetch(f"{self.workspace}/playground/files/{file}")

    @property
    def bot_url(self) -> str:
        return f"http://127.0.0.1:{self.bot_port}/slack/events"


def build(parts: Parts, folder: Path) -> Stage:
    """Start registry, workspace and bot (Socket Mode). Ports are the usual ones where they are free."""
    for usual in (USUAL, {}, {}):
        try:
            return _build(parts, folder, {name: free_port(usual.get(name, 0)) for name in USUAL})
        except DemoError as error:
            # Somebody else was faster between looking and listening: begin again elsewhere.
            if "already in use" not in str(error).lower():
                raise
            parts.stop_all()
            shutil.rmtree(folder / "data", ignore_errors=True)
    raise DemoError("three times in a row every port that was free a moment ago was taken")


def _build(parts: Parts, folder: Path, ports: dict[str, int]) -> Stage:
    bot_token, app_token = f"xoxb-{secrets.token_hex(12)}", f"xapp-{secrets.token_hex(12)}"
    signing_secret = secrets.token_hex(16)
    registry, workspace = (f"http://127.0.0.1:{ports[name]}" for name in ("registry", "workspace"))
    environment = team.home(
        folder,
        "server",
        TRACKRECORD_DATA_DIR=str(folder / "data"),
        TRACKRECORD_PORT=str(ports["registry"]),
        TRACKRECORD_PUBLIC_URL=registry,
        TRACKRECORD_OPEN_PAGES="true",
        TRACKRECORD_NEW_BEST_EVERY_S="0",  # an afternoon of a team in a few minutes; a real registry waits an hour
        TRACKRECORD_GIT_PROTOCOLS="file",  # the demo's repository is a folder; a real registry keeps https and ssh
        TRACKRECORD_SLACK_BOT_TOKEN=bot_token,
        TRACKRECORD_SLACK_APP_TOKEN=app_token,
        TRACKRECORD_SLACK_SIGNING_SECRET=signing_secret,
        TRACKRECORD_SLACK_TEAMS=TEAM,
        TRACKRECORD_SLACK_API_URL=f"{workspace}/api/",
        TRACKRECORD_SLACK_PORT=str(ports["bot"]),
    )
    server = parts.start("registry", [sys.executable, "-m", "registry"], environment, cwd=folder)
    manifest = folder / "manifest.json"  # what an admin pastes: commands and scopes that are not in it are refused
    manifest.write_text(call([sys.executable, "-m", "bot", "manifest"], environment, folder).stdout)
    argv = [sys.executable, "-m", "bot.playground", "--port", str(ports["workspace"]), "--deliver", "socket"]
    argv += ["--manifest", str(manifest), "--bot-token", bot_token, "--app-token", app_token]
    argv += ["--signing-secret", signing_secret]
    place = parts.start("workspace", argv, environment, cwd=folder)
    server.line_with("registry listening on")
    admin = server.line_with("admin token: ", seconds=5).split("admin token: ")[1].strip()
    place.line_with("workspace on ")
    stage = Stage(parts, folder, registry, workspace, environment, admin, ports["bot"])
    stage.start_bot("socket")
    return stage


def open_project(stage: Stage, origin: Path) -> list[team.Developer]:
    """Hand in the project's rules, give a token to each developer, bind the channel."""
    lead = team.home(stage.folder, "maintainer", TRACKRECORD_URL=stage.registry, TRACKRECORD_TOKEN=stage.admin)
    rules = stage.folder / "people" / "maintainer" / "project.toml"
    told = (team.DIGITS / "project.toml").read_text()
    rules.write_text(told.replace('repository = ""', f'repository = "{origin.as_uri()}"', 1))
    call(["trackrecord", "upload", str(rules.parent / "digits" / "data" / "labels.csv")], lead, stage.folder)
    call(["trackrecord", "define", str(rules)], lead, stage.folder)
    bind = [sys.executable, "-m", "bot", "bind", TEAM, CHANNEL, team.PROJECT, "--claims"]
    call(bind, stage.environment, stage.folder)
    developers = []
    for name in team.NAMES:
        body = {"owner": name, "role": "runner", "project": team.PROJECT, "label": "demo", "days": None}
        token = web.send(f"{stage.registry}/api/v1/tokens", body, token=stage.admin)["token"]
        developers.append(team.make_developer(stage.folder, name, origin, stage.registry, token))
    return developers


def wait_for(what: str, look: Callable[[], _T | None], seconds: float = 60) -> _T:
    """Look again and again until there is something; an error that says what did not come."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise DemoError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.15)


def known_to_registry(stage: Stage, run: str) -> bool:
    """Whether points of this run have arrived."""
    try:
        return bool(stage.api(f"runs/{run}/history?metric=train/loss&points=10")["count"])
    except DemoError:
        return False

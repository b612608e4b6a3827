"""Start the bot: `python -m bot`; bind a channel to a project: `python -m bot bind`; print the app manifest."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from http.client import HTTPException

import click
import sqlalchemy as sa
import uvicorn
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from bot import guard, manifest
from bot.app import Pools, create_app
from bot.deliver import DeliveryError, Slack, is_loopback
from bot.desk import Desk
from bot.http import create_http
from bot.sender import Sender
from registry.db import connect, reading, transaction
from registry.settings import Settings
from registry.tables import Project, SlackChannel

log = logging.getLogger("trackrecord.bot")
_LONGEST_PAUSE_S = 30.0


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """The bot of trackrecord: it answers in Slack. Settings are read as `.env.example` lists them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("slack_bolt").setLevel(logging.WARNING)  # below that it logs whole request bodies
    if context.invoked_subcommand is None:
        serve(Settings())


@main.command()
@click.argument("team")
@click.argument("channel")
@click.argument("project")
@click.option("--claims", is_flag=True, help="Say whether a registered run backs a number that somebody posts.")
@click.option("--no-announcements", is_flag=True, help="Announce no new best there.")
def bind(team: str, channel: str, project: str, claims: bool, no_announcements: bool) -> None:
    """Bind a channel (C…) of a workspace (T…) to a project: answers there need no project, announcements go there."""
    engine = connect(Settings().database)
    with transaction(engine) as session:
        if session.get(Project, project) is None:
            raise click.ClickException(f"There is no project {project}.")
        row = session.get(SlackChannel, (team, channel)) or SlackChannel(
            team_id=team, channel_id=channel, project_id=""
        )
        row.project_id, row.claims, row.announcements = project, claims, not no_announcements
        session.add(row)
    said = [f"{channel} is bound to {project}", "claims are checked" if claims else "claims are not checked"]
    said.append("nothing is announced" if no_announcements else "new bests are announced")
    click.echo("; ".join(said))


@main.command("manifest")
@click.option("--mode", type=click.Choice(["socket", "http"]), default="socket", show_default=True)
@click.option("--url", default="", help="With http: the public address of /slack/events.")
def print_manifest(mode: str, url: str) -> None:
    """Print the manifest to paste at api.slack.com/apps, made from the commands that there are."""
    if mode == "http":
        if not url.startswith("https://"):
            raise click.ClickException("With --mode http Slack needs --url https://…/slack/events")
        made = manifest.manifest("http", Settings().command_prefix, url)
    else:
        made = manifest.manifest("socket", Settings().command_prefix)
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


def missing(settings: Settings) -> str:
    """What has to be set before the bot can start; "" when nothing is missing."""
    if settings.slack_mode == "off":
        return "The bot is off. Set TRACKRECORD_SLACK_MODE to socket or http."
    needed = {"TRACKRECORD_SLACK_BOT_TOKEN": settings.slack_bot_token}
    if settings.slack_mode == "socket":
        needed["TRACKRECORD_SLACK_APP_TOKEN"] = settings.slack_app_token
    else:
        needed["TRACKRECORD_SLACK_SIGNING_SECRET"] = settings.slack_signing_secret
    names = [name for name, value in needed.items() if value is None or not value.get_secret_value()]
    if not guard.allowed(settings):
        names.append("TRACKRECORD_SLACK_TEAMS")
    return f"Set {' and '.join(names)} (see .env.example)." if names else ""


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    lacking = missing(settings)
    if lacking:
        raise click.ClickException(lacking)
    assert settings.slack_bot_token is not None
    engine = connect(settings.database, threads=settings.threads + 8)  # 8: listeners, charts and the sender
    _look_at(engine)
    desk = Desk(settings, engine, Slack(settings.slack_bot_token.get_secret_value(), settings.slack_api_url))
    pools, sender, stop = Pools.of(settings.threads), Sender(desk), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    app = create_app(desk, pools, sender.wake)
    threading.Thread(target=_introduce, args=(desk, stop), name="introduce", daemon=True).start()
    sender.start()
    try:
        (_serve_socket if settings.slack_mode == "socket" else _serve_http)(settings, app, stop)
    finally:
        stop.set()
        sender.stop()
        pools.close()
        engine.dispose()


def _look_at(engine: sa.Engine) -> None:
    """A database that is not there or not migrated is said now, not at the first question."""
    try:
        with reading(engine) as session:
            session.exec(select(SlackChannel).limit(1)).first()
    except SQLAlchemyError as error:
        why = f"The registry's database cannot be read ({type(error).__name__})."
        raise click.ClickException(f"{why} Start the registry first: it makes and migrates it.") from error


def _introduce(desk: Desk, stop: threading.Event) -> None:
    """Learn who we are. Slack may be down just now: the bot starts all the same."""

    def ask() -> None:
        team = desk.slack.introduce().team
        if team not in guard.allowed(desk.settings):
            log.warning("the bot token is of workspace %s, which TRACKRECORD_SLACK_TEAMS does not name", team)

    _until_done(ask, stop, "auth.test")


def _serve_socket(settings: Settings, app: App, stop: threading.Event) -> None:
    assert settings.slack_app_token is not None
    client = WebClient(base_url=settings.slack_api_url, retry_handlers=[])
    handler = SocketModeHandler(app, settings.slack_app_token.get_secret_value(), web_client=client)
    assert handler.client is not None
    if is_loopback(settings.slack_api_url):
        client.proxy = handler.client.proxy = None

    def connect_anew() -> None:
        handler.client.connect_to_new_endpoint()  # not connect(): that would use an address twice
        if not handler.client.is_connected():
            raise DeliveryError("no connection")

    _until_done(connect_anew, stop, "apps.connections.open")
    if not stop.is_set():
        print("bot connected", flush=True)
    stop.wait()
    handler.client.close()


def _serve_http(settings: Settings, app: App, stop: threading.Event) -> None:
    assert settings.slack_signing_secret is not None
    api = create_http(app, settings.slack_signing_secret.get_secret_value())
    listening = socket.create_server((settings.slack_host, settings.slack_port))
    server = uvicorn.Server(uvicorn.Config(api, log_level="warning", access_log=False))

    def end() -> None:
        stop.wait()
        server.should_exit = True  # also where the signal came before uvicorn listened for it

    threading.Thread(target=end, name="end", daemon=True).start()
    print(f"bot listening on http://{settings.slack_host}:{listening.getsockname()[1]}", flush=True)
    server.run(sockets=[listening])


def _until_done(work: Callable[[], object], stop: threading.Event, what: str) -> None:
    """Try until it works, with growing pauses, or until the bot is stopped."""
    pause = 1.0
    while not stop.is_set():
        try:
            work()
        except (DeliveryError, SlackClientError, HTTPException, OSError) as error:
            log.warning("%s failed (%s); trying again in %.0f s", what, type(error).__name__, pause)
            stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        else:
            return


if __name__ == "__main__":
    main()

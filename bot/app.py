"""Slack's requests -> jobs: one listener for every command there is or will be, one for buttons, one an event."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bot import guard, home, presses
from bot.command import Asked, from_command, from_mention, mentioned
from bot.deliver import DeliveryError
from bot.desk import Desk
from bot.heard import heard
from bot.places import Later, Posted, Whisper, answer_at
from registry.db import transaction
from registry.tables import Seen

log = logging.getLogger("trackrecord.bot")
Body = dict[str, Any]
Job = Callable[[Body], "Later | None"]


@dataclass(frozen=True, slots=True)
class Pools:
    """Threads: Bolt's own pool of five would drop commands, and what is slow must not keep questions waiting."""

    listeners: Executor
    questions: Executor
    charts: Executor

    @classmethod
    def of(cls, threads: int) -> Pools:
        return cls(
            ThreadPoolExecutor(32, "listener"),
            ThreadPoolExecutor(threads, "question"),
            ThreadPoolExecutor(4, "chart"),
        )

    def close(self) -> None:
        """Let go of what has not begun; wait for what has."""
        for pool in (self.listeners, self.questions, self.charts):
            pool.shutdown(wait=True, cancel_futures=True)


def create_app(desk: Desk, pools: Pools, wake: Callable[[], None]) -> App:
    """The Bolt app. `wake` tells the sender that there is something to send. Asks Slack nothing while it starts."""
    secret = desk.settings.slack_signing_secret
    app = App(
        name="trackrecord",
        client=WebClient(base_url=desk.settings.slack_api_url, retry_handlers=[]),
        signing_secret=secret.get_secret_value() if secret else "",
        authorize=_authorize(desk),
        before_authorize=_guard(desk),
        listener_executor=pools.listeners,
    )
    inbox = _Inbox(desk, pools)

    @app.command(re.compile(".*", re.DOTALL))
    def on_command(ack: Ack, body: Body) -> None:
        ack()
        inbox.take(body, lambda body: _command(desk, body))

    @app.action(re.compile(".*", re.DOTALL))
    def on_action(ack: Ack, body: Body) -> None:
        ack()
        inbox.take(body, lambda body: presses.pressed(desk, body))

    @app.event("app_mention")
    def on_mention(body: Body) -> None:
        inbox.take(body, lambda body: _mention(desk, body))

    @app.event("message")
    def on_message(body: Body) -> None:
        inbox.take(body, lambda body: _message(desk, body, wake))

    @app.event("app_home_opened")
    def on_home(body: Body) -> None:
        inbox.take(body, lambda body: home.opened(desk, body))

    @app.error
    def on_error(error: Exception) -> BoltResponse:
        number = secrets.token_hex(4)
        log.error("unexpected error %s", number, exc_info=error)
        return BoltResponse(status=200, body=f"Something went wrong in trackrecord ({number}).")

    return app


def _authorize(desk: Desk) -> Callable[..., AuthorizeResult]:
    """Without asking Slack: an answer must not depend on auth.test. Who we are is filled in once it is known."""
    token = desk.settings.slack_bot_token

    def authorize(context: BoltContext) -> AuthorizeResult:
        identity = desk.slack.identity
        return AuthorizeResult(
            enterprise_id=context.enterprise_id,
            team_id=context.team_id,
            bot_token=token.get_secret_value() if token else None,
            bot_user_id=identity.bot_user if identity else None,
            bot_id=identity.bot_id if identity else None,
        )

    return authorize


def _guard(desk: Desk) -> Callable[..., BoltResponse | None]:
    """Other workspaces are refused before any handler sees them."""
    teams = guard.allowed(desk.settings)

    def refuse(body: Body, next: Callable[[], Any]) -> BoltResponse | None:
        why = guard.refusal(body, teams, desk.settings.slack_app_id)
        if why is None:
            next()
            return None
        log.warning("refused a request of another %s", why)
        words = "trackrecord does not answer in this workspace." if "command" in body else ""
        return BoltResponse(status=200, body=words)

    return refuse


@dataclass(frozen=True, slots=True)
class _Inbox:
    """Hands a request to the question threads, once, however often Slack delivers it."""

    desk: Desk
    pools: Pools

    def take(self, body: Body, job: Job) -> None:
        self.pools.questions.submit(self._run, body, job)

    def _run(self, body: Body, job: Job) -> None:
        if not first_time(self.desk, guard.seen_key(body)):
            return
        later = _safely(lambda: job(body))
        if later is not None:
            self.pools.charts.submit(_safely, later)


def _safely(work: Callable[[], Later | None]) -> Later | None:
    """One request that fails is logged, and the next one is served."""
    try:
        return work()
    except DeliveryError as error:
        log.warning("Slack did not take an answer: %s", error)
    except Exception:
        log.exception("unexpected error in a job")
    return None


def first_time(desk: Desk, key: str) -> bool:
    """Whether this is the first delivery. Slack's retry header says nothing: Socket Mode sets it on the first one."""
    if not key:
        return True
    try:
        with transaction(desk.engine) as session:
            session.add(Seen(key=key, at=desk.clock()))
    except IntegrityError:
        return False
    except SQLAlchemyError as error:
        log.warning("could not remember a delivery: %s", type(error).__name__)
    return True


def _command(desk: Desk, body: Body) -> Later | None:
    asked = from_command(body, desk.settings.command_prefix, _names(desk, str(body.get("text") or "")))
    return answer_at(desk, asked, Whisper(desk.slack, str(body.get("response_url") or "")))


def _mention(desk: Desk, body: Body) -> Later | None:
    event = body["event"]
    if not guard.is_person(event) or event.get("edited"):
        return None
    return _in_thread(desk, body, str(event.get("thread_ts") or event.get("ts") or ""))


def _message(desk: Desk, body: Body, wake: Callable[[], None]) -> Later | None:
    event = body["event"]
    if event.get("channel_type") == "im":
        said = guard.is_person(event) and event.get("subtype") in (None, "file_share")
        return _in_thread(desk, body, str(event.get("thread_ts") or "")) if said else None
    if heard(desk, body):
        wake()
    return None


def _in_thread(desk: Desk, body: Body, thread: str) -> Later | None:
    event = body["event"]
    asked: Asked = from_mention(
        event,
        str(body.get("team_id") or ""),
        desk.settings.command_prefix,
        _names(desk, str(event.get("text") or "")),
    )
    key = f"asked/{asked.channel}/{event.get('ts')}"
    return answer_at(desk, asked, Posted(desk.slack, asked.channel, key, thread))


def _names(desk: Desk, text: str) -> dict[str, str]:
    """Names of the people that a text mentions only by id, ours left out."""
    me = desk.slack.identity
    return {user: desk.slack.name_of(user) for user in mentioned(text)[:10] if me is None or user != me.bot_user}

"""What a process does that sends what is owed and dies by SIGKILL at a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import bot.sender
from bot.deliver import Slack
from bot.desk import Desk
from registry import outbox
from registry.db import connect
from registry.settings import Settings

STEPS = {
    "claim": (outbox, "claim"),
    "owe": (outbox, "owe"),
    "draw": (bot.sender, "said_by"),
    "sending": (outbox, "sending"),
    "post": (Slack, "post"),
    "sent": (outbox, "sent"),
}


def desk_on(database: str, api: str, **more: Any) -> Desk:
    chosen = Settings(_env_file=None, slack_teams="T0PLAY", slack_api_url=api, database_url=database)
    return Desk(chosen, connect(database), Slack("xoxb-test", api), **more)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(work: Callable[..., Any], when: str) -> Callable[..., Any]:
    def doing(*args: Any, **named: Any) -> Any:
        if when == "before":
            die()
        done = work(*args, **named)
        die()
        return done

    return doing


def main(database: str, api: str, step: str) -> None:
    name, _, when = step.partition(":")
    if name in STEPS:
        owner, attribute = STEPS[name]
        setattr(owner, attribute, deadly(getattr(owner, attribute), when))
    desk = desk_on(database, api)
    while bot.sender.send_one(desk):
        pass
    die()

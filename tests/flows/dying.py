"""Does one step of a run's way to an announcement, and dies at the named place, as a process that is killed does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from registry import examine, git, keeping, outbox
from registry.artifacts import Store
from registry.db import connect, transaction
from registry.settings import Settings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(place: str, here: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with death before or after it where that is the place."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if place == f"before {here}":
            die()
        result = work(*args, **kwargs)
        if place == f"after {here}":
            die()
        return result

    return wrapped


def judge(engine: sa.Engine, folder: Path, place: str) -> None:
    """One tick of the schedule."""
    settings = Settings(_env_file=None, data_dir=folder, git_protocols="file")  # type: ignore[call-arg]
    git.look = dying(place, "git", git.look)
    examine.look = dying(place, "the look", examine.look)
    keeping._keep_findings = dying(place, "the findings", keeping._keep_findings)
    keeping.owe_if_best = dying(place, "owing", keeping.owe_if_best)
    if place == "before the commit":
        sa.event.listen(engine, "commit", _die_at_commit_of_findings)
    sa.event.listen(engine, "before_cursor_execute", _remember)
    examine.examine_due(engine, Store(folder / "artifacts"), settings, datetime.now(UTC))


_wrote: list[str] = []


def _remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    _wrote.append(statement)


def _die_at_commit_of_findings(_connection: Any) -> None:
    if any("INSERT INTO finding" in statement for statement in _wrote):
        die()


def send(engine: sa.Engine, folder: Path, place: str) -> None:
    """What a sender does: claim, say that it is being sent, hand it over (a line in a file), mark it."""
    now = datetime.now(UTC)
    with transaction(engine) as session:
        message = outbox.claim(session, now)
    if message is None or message.id is None:
        return
    if place == "after the claim":
        die()
    posted = folder / "posted"
    if message.sending and message.key in (posted.read_text() if posted.exists() else ""):
        with transaction(engine) as session:  # the one before us did it, and died before it could say so
            outbox.sent(session, message.id, "found", now)
        return
    with transaction(engine) as session:
        mine = outbox.sending(session, message.id, "C1", now)
    if not mine:
        return
    if place == "before the post":
        die()
    with posted.open("a") as file:
        file.write(f"{message.key}\n")
        file.flush()
        os.fsync(file.fileno())
    if place == "after the post":
        die()
    with transaction(engine) as session:
        outbox.sent(session, message.id, "ts", now)


def step(url: str, folder: str, place: str, what: str) -> None:
    """The whole life of a process that judges or sends once."""
    {"judge": judge, "send": send}[what](connect(url), Path(folder), place)

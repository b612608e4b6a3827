"""What is owed arrives exactly once: killed between any two steps, with two senders, with answers that get lost."""

from __future__ import annotations

import multiprocessing
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from bot.desk import Desk
from bot.sender import Sender, send_one
from registry import outbox
from registry.db import reading, transaction
from registry.tables import MetricDefinition, Outgoing, Run, SlackChannel
from tests.slack import killed
from tests.slack.conftest import keep_team
from tests.slack.killed import desk_on
from tests.slack.world import CHANNEL, World, eventually, images, shown

pytestmark = pytest.mark.xdist_group("slack")

# Forked from a process that has imported everything and holds neither a connection nor a thread.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.flows.dying", "tests.slack.killed"])  # one such process for both tests


def desk_of(engine: sa.Engine, slack: World, ahead_s: float = 0.0) -> Desk:
    desk = desk_on(
        engine.url.render_as_string(hide_password=False),
        f"{slack.url}/api/",
        clock=lambda: datetime.now(UTC) + timedelta(seconds=ahead_s),
    )
    return desk


def owe_best(engine: sa.Engine, key: str, **changed: Any) -> None:
    """The announcement that EDGE owes when brave-otter-42 is verified."""
    with transaction(engine) as session:
        run = session.exec(select(Run).where(Run.name == "brave-otter-42")).one()
        metric = session.exec(select(MetricDefinition.id)).one()
        payload = {"run": run.id, "metric": metric, "value": run.headline} | changed
        outbox.owe(session, key=key, kind="new_best", project_id="milestone-1", payload=payload, now=datetime.now(UTC))


def drain(desk: Desk) -> None:
    while send_one(desk):
        pass


def posted(slack: World, key: str) -> list[dict[str, Any]]:
    def is_it(message: dict[str, Any]) -> bool:
        return str((message["metadata"] or {}).get("event_payload", {}).get("key", "")).startswith(key)

    return [message for message in slack.messages() if is_it(message)]


def rows(engine: sa.Engine, key: str) -> list[Outgoing]:
    with reading(engine) as session:
        query = select(Outgoing).where(col(Outgoing.key).startswith(key)).order_by(col(Outgoing.id))
        found = list(session.exec(query))
        session.expunge_all()
        return found


def test_a_new_best_goes_to_the_channels_that_want_it(engine: sa.Engine, slack: World) -> None:
    keep_team(engine)
    with transaction(engine) as session:
        session.add(SlackChannel(team_id="T0OTHER", channel_id="C0OTHER", project_id="milestone-1"))
        session.add(SlackChannel(team_id="T0PLAY", channel_id="C0QUIET", project_id="milestone-1", announcements=False))
    key = f"new_best/milestone-1/{engine.dialect.name}"
    owe_best(engine, key)
    drain(desk_of(engine, slack))
    (message,) = posted(slack, key)
    assert message["text"].startswith("brave-otter-42 by ada is the new best of milestone-1: test/accuracy 91.24 %")
    assert message["thread_ts"] is None
    parent, child = rows(engine, key)
    assert (parent.ts, child.ts, child.channel) == (None, message["ts"], CHANNEL)
    assert parent.sent_at is not None
    owe_best(engine, key)
    drain(desk_of(engine, slack, 3600))
    assert len(posted(slack, key)) == 1


def test_a_channel_that_was_told_of_a_best_is_told_once_when_it_falls(team_engine: sa.Engine, slack: World) -> None:
    with reading(team_engine) as session:
        run = session.exec(select(Run.id).where(Run.name == "brave-otter-42")).one()
    owe_best(team_engine, f"new_best/milestone-1/{run}")
    drain(desk_of(team_engine, slack))
    key = f"verdict_changed/milestone-1/{run}/1"
    with transaction(team_engine) as session:
        session.execute(sa.update(Run).where(col(Run.id) == run).values(verdict="unverified", withdrawn="invalidated"))
        said = {"run": run, "now": "unverified"}
        outbox.owe(
            session,
            key=key,
            kind="verdict_changed",
            project_id="milestone-1",
            payload=said,
            now=datetime.now(UTC),
        )
    for _ in range(2):
        drain(desk_of(team_engine, slack))
    (message,) = posted(slack, key)
    assert message["text"].startswith("brave-otter-42 is not verified any more: was invalidated.")
    assert "It was announced as the best with 91.24 %." in message["text"]


STEPS = [
    f"{step}:{when}" for step in ("owe", "claim", "draw", "sending", "post", "sent") for when in ("before", "after")
]


@pytest.mark.parametrize("step", [*STEPS, "end"])
def test_killed_at_any_step_there_is_one_message(team_engine: sa.Engine, slack: World, step: str) -> None:
    key = f"new_best/milestone-1/killed-{step}"
    owe_best(team_engine, key)
    url = team_engine.url.render_as_string(hide_password=False)
    child = _processes.Process(target=killed.main, args=(url, f"{slack.url}/api/", step))
    child.start()
    child.join(60)
    assert child.exitcode == -9
    assert len(posted(slack, key)) <= 1
    drain(desk_of(team_engine, slack, 120))  # the dead one's claim has run out
    (message,) = posted(slack, key)
    sent = rows(team_engine, key)[-1]
    assert (sent.ts, sent.sending, sent.dead_at) == (message["ts"], False, None)


def test_a_claim_that_still_holds_is_left_to_its_holder(team_engine: sa.Engine, slack: World) -> None:
    owe_best(team_engine, "new_best/milestone-1/held")
    assert send_one(desk_of(team_engine, slack))  # one row a channel
    with transaction(team_engine) as session:
        assert outbox.claim(session, datetime.now(UTC))
    assert not send_one(desk_of(team_engine, slack, 30))
    assert send_one(desk_of(team_engine, slack, 90))


def test_what_is_not_true_any_more_is_not_said(team_engine: sa.Engine, slack: World) -> None:
    key = "new_best/milestone-1/fallen"
    owe_best(team_engine, key, value=0.5)
    drain(desk_of(team_engine, slack))
    assert posted(slack, key) == []
    assert all(row.sent_at and row.ts is None for row in rows(team_engine, key))


@pytest.mark.parametrize("fault", ["drop_reply", "500", "429"])
def test_lost_and_refused_answers(team_engine: sa.Engine, slack: World, fault: str) -> None:
    key = f"new_best/milestone-1/{fault}"
    owe_best(team_engine, key)
    slack.do("fault", method="chat.postMessage", kind=fault, times=1, seconds=3)
    drain(desk_of(team_engine, slack))
    row = rows(team_engine, key)[-1]
    assert row.sent_at is None
    assert row.sending is (fault != "429")
    assert row.claimed_until is not None
    waits = (row.claimed_until.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    assert 0 < waits <= 3
    drain(desk_of(team_engine, slack, 10))
    assert len(posted(slack, key)) == 1


def test_what_slack_never_takes_is_put_aside_and_holds_up_nobody(team_engine: sa.Engine, slack: World) -> None:
    with transaction(team_engine) as session:
        session.add(SlackChannel(team_id="T0PLAY", channel_id="C0GENERAL", project_id="milestone-1"))  # not a member
        session.add(SlackChannel(team_id="T0PLAY", channel_id="C0GONE", project_id="milestone-1"))
    key = "new_best/milestone-1/permanent"
    owe_best(team_engine, key)
    drain(desk_of(team_engine, slack))
    by_channel = {row.channel: row for row in rows(team_engine, key)}
    assert by_channel["C0GENERAL"].last_error == "not_in_channel"
    assert by_channel["C0GONE"].last_error == "channel_not_found"
    assert by_channel["C0GENERAL"].dead_at is not None
    assert by_channel[CHANNEL].ts is not None
    assert len(posted(slack, key)) == 1


def test_a_message_that_cannot_be_made_waits_and_holds_up_nobody(team_engine: sa.Engine, slack: World) -> None:
    with transaction(team_engine) as session:
        outbox.owe(session, key="broken/1", kind="no_such", project_id="milestone-1", payload={}, now=datetime.now(UTC))
    owe_best(team_engine, "new_best/milestone-1/after-broken")
    drain(desk_of(team_engine, slack))
    assert len(posted(slack, "new_best/milestone-1/after-broken")) == 1
    broken = rows(team_engine, "broken/1")[-1]
    assert broken.sent_at is None
    assert broken.last_error == "could not be made: KeyError"


def test_two_senders_send_each_message_once(engine: sa.Engine, slack: World) -> None:
    keep_team(engine)
    keys = [f"new_best/milestone-1/two-{engine.dialect.name}-{number:02}" for number in range(8)]
    for key in keys:
        owe_best(engine, key)
    threads = [threading.Thread(target=drain, args=(desk_of(engine, slack),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    drain(desk_of(engine, slack, 120))
    assert [len(posted(slack, key)) for key in keys] == [1] * len(keys)


def test_the_thread_sends_when_it_is_woken(team_engine: sa.Engine, slack: World) -> None:
    desk = desk_of(team_engine, slack)
    sender = Sender(desk)
    sender.start()
    try:
        owe_best(team_engine, "new_best/milestone-1/woken")
        sender.wake()
        (message,) = eventually(lambda: posted(slack, "new_best/milestone-1/woken"))
        assert not images(message)
        assert "Chart follows" not in shown(message)
    finally:
        sender.stop()

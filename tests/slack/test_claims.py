"""Claims: what is one and what is not, how it is judged, and the life of a reply in a real workspace."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from registry.ask import ask
from registry.asker import Asker
from registry.claims import number_in, read
from registry.db import connect, reading, transaction
from registry.tables import MetricDefinition, Outgoing
from tests.answers.team import NOW, TEAM, make_team
from tests.slack.world import World, button, eventually, one_wire, shown
from trackrecord.answer import Answer
from trackrecord.errors import TrackrecordError

pytestmark = pytest.mark.xdist_group("slack")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("93.4 % with my new model", "93.4 %"),
        ("I got 93.4% test accuracy", "93.4 %"),
        ("my best is 93.4 %", "93.4 %"),
        ("We hit 91,2 % acc on test!", "91.2 %"),
        ("finally: my run reached 90％ accuracy 🎉", "90 %"),
        ("morning all. our model is at 92.15 percent accuracy. coffee?", "92.15 %"),
        ("> he said 80% accuracy\nI got 91.2% accuracy", "91.2 %"),
    ],
)
def test_a_report_of_ones_own_accuracy_is_a_claim(text: str, value: str) -> None:
    claim = read(text)
    assert claim is not None
    assert claim.shown == value


@pytest.mark.parametrize(
    "text",
    [
        "did we get 91%?",
        "our target is 95 % accuracy",
        "I hope my model gets 95% accuracy",
        "we should reach 95% accuracy",
        "if my model gets 95% accuracy I buy cake",
        "I never got 91% accuracy",
        "the paper reports 96.1% accuracy for their model",
        "> I got 93.4% accuracy",
        "```I got 93.4% accuracy```",
        "`my acc 93.4%`",
        'my boss said "I got 93.4% accuracy"',
        "my GPU is at 97 %",
        "my model has 12.4% error",
        "my run is 60% done",
        "my model got 3% better",
        "I got from 91.2% to 93.4% accuracy",
        "93.4 % with the new model of the other lab, they say",
        "I am 100% with you on the best model",
        "the best model has 93.4% accuracy",
        "my model is great",
        "my best is 934 %",
        "",
        "%" * 5000,
        "my model got 93.4% accuracy " * 400,
    ],
)
def test_everything_else_is_none(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("93.4 % with my model", "93.4 %"), ("93.4", "93.4 %"), ("it is 0.934", "93.4 %"), ("x", None)]
)
def test_a_number_asked_about_needs_no_sentence(text: str, value: str | None) -> None:
    claim = number_in(text)
    assert (claim.shown if claim else None) == value


def test_what_was_said_is_as_precise_as_it_was_said() -> None:
    claim = read("I got 93.4% accuracy")
    assert claim is not None
    low, high = claim.bounds
    assert (low, high) == (0.9335, 0.9345)
    whole = number_in("93 %")
    assert whole is not None
    assert whole.bounds == (0.925, 0.935)


ASKER = Asker(project="milestone-1", prefix="/")


def judged(engine: sa.Engine, words: str) -> Answer:
    with reading(engine) as session:
        return ask(session, "claim", words, ASKER, NOW)


def test_the_outcomes(engine: sa.Engine) -> None:
    make_team(engine)
    backed = judged(engine, "91.2 %")
    assert "brave-otter-42 by ada has it: 91.24 % test/accuracy, verified" in backed.text
    assert judged(engine, "91.24").text == backed.text
    assert "No registered run of milestone-1 has it" in judged(engine, "91.25 %").text  # said to the second decimal
    close = judged(engine, "91.6 %")
    assert close.title.endswith("close to the best verified run")
    assert "Best verified is 91.24 % (brave-otter-42)." in close.text
    unknown = judged(engine, "93.4 % with my new model")
    searched = f"(searched {len(TEAM)} runs up to 12:00 UTC)"
    assert f"No registered run of milestone-1 has it: 93.4 % test/accuracy {searched}." in unknown.text
    assert 'trackrecord.run("milestone-1"' in str(unknown.parts)
    unverified = judged(engine, "92.2 %")
    assert "Only a run that is not verified has it: shy-badger-21 by dana." in unverified.text
    assert "Why: its commit was never pushed" in unverified.text
    assert "git push" in str(unverified.parts)
    refuted = judged(engine, "95 %")
    assert "sly-weasel-66" in refuted.text
    assert "refuted: base and patch give tree" in refuted.text


def test_several_runs_that_round_to_it_are_counted(engine: sa.Engine) -> None:
    make_team(engine)
    assert "3 verified runs of milestone-1 round to it" in str(judged(engine, "91 %").parts)


def test_an_older_definition_and_another_project_back_nothing(engine: sa.Engine) -> None:
    make_team(engine)
    with transaction(engine) as session:
        old = session.exec(select(MetricDefinition)).one()
        old.current = False
        fields = old.model_dump(exclude={"id", "version", "current"})
        session.add(MetricDefinition(**fields, version=2))
    assert "older definition" in judged(engine, "91.24 %").text


@pytest.mark.parametrize("words", ["", "soon", "93.4 % project=milestone-2"])
def test_words_that_cannot_be_judged_say_how(engine: sa.Engine, words: str) -> None:
    make_team(engine)
    with pytest.raises(TrackrecordError) as error:
        judged(engine, words)
    assert error.value.hint


def test_a_loss_is_not_held_against_percents(engine: sa.Engine) -> None:
    make_team(engine)
    with transaction(engine) as session:
        session.exec(select(MetricDefinition)).one().percent = False
    with pytest.raises(TrackrecordError, match="not read in percent"):
        judged(engine, "91.2 %")


# In a workspace.


@one_wire
def test_a_boast_without_a_run_is_answered_in_its_thread(world: World) -> None:
    ts = world.say("93.4 % with my new model", user="UBEN")
    reply = eventually(lambda: world.replies(ts))[0]
    assert reply["text"].startswith("No registered run of milestone-1 has it: 93.4 % test/accuracy")
    assert "Best verified is 91.24 %" in shown(reply)
    assert button(reply, "not_a_claim")["text"]["text"] == "Not a claim"
    assert world.journal("refused") == []


def test_an_edit_renews_the_reply_and_removes_it(world: World) -> None:
    ts = world.say("my best is 93.4 %", user="UBEN")
    first = eventually(lambda: world.replies(ts))[0]
    world.do("edit", user="UBEN", channel="C0MILESTONE", ts=ts, text="my best is 91.2 %")
    eventually(lambda: "brave-otter-42 by ada has it" in world.replies(ts)[0]["text"])
    assert [reply["ts"] for reply in world.replies(ts)] == [first["ts"]]
    world.do("edit", user="UBEN", channel="C0MILESTONE", ts=ts, text="is 95 % possible?")
    eventually(lambda: world.replies(ts) == [])
    world.do("edit", user="UBEN", channel="C0MILESTONE", ts=ts, text="fine: I got 95.5 % accuracy")
    again = eventually(lambda: world.replies(ts))
    assert len(again) == 1
    assert "No registered run" in again[0]["text"]


@one_wire
def test_an_edit_can_make_a_claim(world: World) -> None:
    ts = world.say("hello", user="UBEN")
    world.do("edit", user="UBEN", channel="C0MILESTONE", ts=ts, text="I got 93.4 % accuracy")
    assert len(eventually(lambda: world.replies(ts))) == 1


def test_not_a_claim_takes_it_back_for_good(world: World) -> None:
    ts = world.say("my model has 94.1 % accuracy", user="UBEN")
    reply = eventually(lambda: world.replies(ts))[0]
    world.do("action", user="UCHEN", channel="C0MILESTONE", ts=reply["ts"], action_id="not_a_claim")
    eventually(lambda: world.replies(ts) == [])
    world.do("edit", user="UBEN", channel="C0MILESTONE", ts=ts, text="my model has 94.2 % accuracy")
    time.sleep(1.0)
    assert world.replies(ts) == []


def test_it_goes_when_the_message_goes(world: World) -> None:
    ts = world.say("my model has 94.3 % accuracy", user="UBEN")
    eventually(lambda: world.replies(ts))
    world.do("delete", user="UBEN", channel="C0MILESTONE", ts=ts)
    eventually(lambda: world.replies(ts) == [])


@one_wire
def test_other_channels_and_other_words_are_left_alone(world: World) -> None:
    since = world.now()
    world.say("93.4 % with my new model", user="UBEN", channel="C0GENERAL")
    world.say("our target is 95 % accuracy", user="UBEN")
    world.say("the paper has 96 % accuracy", user="UBEN")
    last = world.say("I got 93.4 % accuracy in this thread", user="UBEN", thread_ts=world.say("morning", user="UADA"))
    eventually(lambda: world.newest(since))
    time.sleep(0.5)
    assert len(world.newest(since)) == 1
    assert world.newest(since)[0]["thread_ts"] != last  # in the thread that it was said in


@one_wire
def test_a_reply_waits_as_long_as_slack_says(world: World) -> None:
    world.do("fault", method="chat.postMessage", kind="429", times=1, seconds=2)
    began = time.monotonic()
    ts = world.say("my model has 94.4 % accuracy", user="UBEN")
    eventually(lambda: world.replies(ts))
    assert time.monotonic() - began > 1.0
    assert len(world.replies(ts)) == 1


@one_wire
def test_a_lost_answer_is_no_second_reply(world: World) -> None:
    world.do("fault", method="chat.postMessage", kind="drop_reply", times=1)
    ts = world.say("my model has 94.5 % accuracy", user="UBEN")
    eventually(lambda: world.replies(ts))
    database = connect(world.settings["TRACKRECORD_DATABASE_URL"])

    def settled() -> bool:
        """Whether the sender has come back and knows that it was sent."""
        with reading(database) as session:
            owed = session.exec(select(Outgoing).where(col(Outgoing.key).contains(ts))).one()
            return owed.sent_at is not None and owed.attempts > 1

    eventually(settled)
    database.dispose()
    assert len(world.replies(ts)) == 1

"""What was typed in Slack is what is asked: prefixes, the umbrella, escapes, smart quotes, mentions, buttons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.command import Asked, button_value, from_button, from_command, from_mention, mentioned, plain


def command(name: str, text: str, prefix: str = "") -> tuple[str, str]:
    asked = from_command(
        {"command": name, "text": text, "user_id": "UADA", "team_id": "T0", "channel_id": "C0"}, prefix
    )
    assert (asked.user, asked.team, asked.channel) == ("UADA", "T0", "C0")
    return asked.question, asked.words


@pytest.mark.parametrize(
    ("name", "text", "prefix", "expected"),
    [
        ("/best", "milestone-1 top=3", "", ("best", "milestone-1 top=3")),
        ("/best", "", "", ("best", "")),
        ("/tr-best", "milestone-1", "tr-", ("best", "milestone-1")),
        ("/trackrecord", "best milestone-1", "", ("best", "milestone-1")),
        ("/trackrecord", "/best  milestone-1 ", "", ("best", "milestone-1")),
        ("/trackrecord", "tr-best milestone-1", "tr-", ("best", "milestone-1")),
        ("/trackrecord", "Best\nmilestone-1", "", ("best", "milestone-1")),
        ("/trackrecord", "", "", ("", "")),
        ("/trackrecord", "help", "", ("help", "")),
        ("/trackrecord", "trackrecord best x", "", ("best", "x")),
        ("/best", "help", "", ("help", "best")),
        ("/help", "help", "", ("help", "help")),
        ("/best", "where=lr&lt;0.01 a&amp;b &gt;1", "", ("best", "where=lr<0.01 a&b >1")),
        ("/best", "owner=<@UADA|ada> in <#C1|general>", "", ("best", "owner=@ada in #general")),
        ("/best", "“milestone 1” ‘x’\u00a0top=2", "", ("best", "\"milestone 1\" 'x' top=2")),
        ("/show", "<http://example.org/runs/1|example.org/runs/1>", "", ("show", "example.org/runs/1")),
        ("/show", "<!channel> <!subteam^S1|@ml> <#C9>", "", ("show", "@channel @ml #C9")),
        ("/show", "&amp;lt;", "", ("show", "&lt;")),  # once, not twice
    ],
)
def test_commands(name: str, text: str, prefix: str, expected: tuple[str, str]) -> None:
    assert command(name, text, prefix) == expected


def test_a_mention_asks_what_follows_it() -> None:
    event = {
        "text": "hey <@UBOT>  best `milestone-1` owner=<@UBEN>",
        "user": "UADA",
        "channel": "C0",
        "ts": "1.2",
        "thread_ts": "1.0",
    }
    asked = from_mention(event, "T0", "", {"UBEN": "ben"})
    assert asked == Asked("best", "milestone-1 owner=@ben", "UADA", "T0", "C0", "1.0")
    assert mentioned(str(event["text"])) == ["UBOT", "UBEN"]


def test_a_direct_message_needs_no_mention() -> None:
    asked = from_mention({"text": "best milestone-1", "user": "UADA", "channel": "D1", "channel_type": "im"}, "T0", "")
    assert (asked.question, asked.words, asked.thread) == ("best", "milestone-1", "")


def test_only_the_name_of_the_bot_is_an_empty_question() -> None:
    assert from_mention({"text": "<@UBOT>", "user": "UADA", "channel": "C0"}, "T0", "").question == ""


@given(st.text(max_size=60), st.text(max_size=600))
def test_a_button_carries_its_question_whole(question: str, words: str) -> None:
    value = button_value(question, words)
    if value is None:
        assert len(words) > 100
        return
    payload = {
        "user": {"id": "UADA", "team_id": "T0"},
        "container": {"channel_id": "C0", "message_ts": "2.0", "thread_ts": "1.0"},
    }
    assert from_button(payload, value) == Asked(question, words, "UADA", "T0", "C0", "1.0")


@pytest.mark.parametrize("value", ["", "x", "[]", "1", '{"q":1,"w":""}', '{"q":"best"}', "\x00", '{"q":"a","w":null}'])
def test_a_value_that_is_not_ours_asks_nothing(value: str) -> None:
    assert from_button({}, value) is None


def test_what_does_not_fit_into_a_button_is_no_button() -> None:
    assert button_value("best", "x" * 2000) is None
    assert button_value("best", "\ud800") is None


@given(st.text())
def test_escaping_is_undone_exactly_once(typed: str) -> None:
    typed = typed.replace("<", "").replace(">", "").strip()
    escaped = typed.replace("&", "&amp;")
    straight = plain(typed.replace("&", "&amp;"))
    assert plain(escaped) == straight
    assert straight.count("&") == typed.count("&")

"""Faults on order, as Slack's own client meets them."""

from __future__ import annotations

import time

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.playground import Playground, start

CHANNEL = "C0MILESTONE"


def test_a_lost_answer_is_stored_once_or_twice_depending_on_the_client(slack: Playground, client: WebClient) -> None:
    slack.fault("chat.postMessage", "drop_reply")
    with pytest.raises(OSError, match=r"Remote end closed|reset|Connection"):
        client.chat_postMessage(channel=CHANNEL, text="once")
    assert [message.text for message in slack.messages(CHANNEL)] == ["once"]
    slack.fault("chat.postMessage", "drop_reply")
    eager = WebClient(token=slack.bot_token, base_url=slack.api_url)  # its default handler posts again
    assert eager.chat_postMessage(channel=CHANNEL, text="twice")["ok"]
    assert [message.text for message in slack.messages(CHANNEL)] == ["once", "twice", "twice"]


def test_too_many_requests_say_when_to_come_back(slack: Playground, client: WebClient) -> None:
    slack.fault("chat.postMessage", "429", seconds=1)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
    slack.fault("chat.postMessage", "429", seconds=1)
    patient = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[RateLimitErrorRetryHandler()])
    begun = time.monotonic()
    assert patient.chat_postMessage(channel=CHANNEL, text="x")["ok"]
    assert time.monotonic() - begun >= 1
    assert len(slack.messages(CHANNEL)) == 1


def test_other_faults_happen_as_often_as_ordered(slack: Playground, client: WebClient) -> None:
    slack.fault("*", "error:fatal_error", times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            client.auth_test()
    assert client.auth_test()["ok"]
    slack.fault("auth.test", "500")
    with pytest.raises(SlackApiError) as caught:
        client.auth_test()
    assert caught.value.response.status_code == 500
    slack.fault("auth.test", "slow", seconds=0.4)
    begun = time.monotonic()
    client.auth_test()
    assert time.monotonic() - begun >= 0.4
    with pytest.raises(ValueError, match="no fault of kind"):
        slack.fault("auth.test", "meteor")


def test_an_event_can_be_sent_again() -> None:
    with start(ack_s=0.2, retry_delays_s=()) as slack:
        slack.send_message("UADA", CHANNEL, "hello")
        event_id = slack.wait_for(lambda _: slack.journal.entries("delivery"), 10)[0]["event_id"]
        assert slack.redeliver(event_id) is not None
        assert [entry["event_id"] for entry in slack.journal.entries("delivery")] == [event_id, event_id]
        assert slack.redeliver("Ev-unknown") is None

"""Socket Mode with Slack's own Bolt and client: commands, buttons, modals, Home, events, reconnects, retries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.playground import Playground, Shortcut, Workspace, start
from bot.playground.workspace import Message
from tests.playground.small_app import by_socket, make_app

CHANNEL = "C0MILESTONE"


@pytest.fixture
def seen(slack: Playground) -> Iterator[list[dict[str, Any]]]:
    heard: list[dict[str, Any]] = []
    with by_socket(make_app(slack, heard), slack):
        yield heard


def with_text(text: str, channel: str = CHANNEL) -> Any:
    def look(workspace: Workspace) -> Message | None:
        found = [message for message in workspace.channels[channel].messages if text in message.text]
        return found[-1] if found else None

    return look


def test_a_command_is_answered_and_its_picture_follows(slack: Playground, seen: list[dict[str, Any]]) -> None:
    outcome = slack.send_command("UADA", CHANNEL, "/best milestone-1 where=lr<0.01")
    assert (outcome.status, outcome.error) == (200, "")
    posted = slack.wait_for(with_text("brave-otter-42 is best"))
    slack.wait_for(lambda _: any(block["type"] == "image" for block in posted.blocks), 10)
    command = seen[-1]
    assert command["text"] == "milestone-1 where=lr&lt;0.01"
    assert (command["user_name"], command["channel_name"], command["team_id"]) == ("ada", "milestone-1", "T0PLAY")
    assert command["api_app_id"] == "A0PLAY"
    assert "enterprise_id" not in command
    assert posted.user == "UBOT"


def test_an_answer_in_the_acknowledgement_is_a_message(slack: Playground, seen: list[dict[str, Any]]) -> None:
    slack.send_command("UBEN", CHANNEL, "/quiet")
    slack.wait_for(with_text("And this."))
    assert {(m.text, m.ephemeral_for) for m in slack.messages(CHANNEL)} == {
        ("Only you see this.", "UBEN"),
        ("And this.", "UBEN"),
    }


def test_silence_is_told_as_slack_tells_it() -> None:
    with start(ack_s=0.5) as slack, by_socket(make_app(slack, []), slack):
        outcome = slack.send_command("UADA", CHANNEL, "/sleep")
        assert (outcome.status, outcome.error) == (504, "operation_timeout")
        said = slack.messages(CHANNEL)[-1]
        assert said.text.startswith('/sleep failed with the error "operation_timeout".')
        assert said.ephemeral_for == "UADA"
    with start(ack_s=0.2) as slack:
        assert slack.send_command("UADA", CHANNEL, "/best").error == "dispatch_failed"


def test_slack_itself_refuses_commands_in_threads_and_unknown_ones(slack: Playground, seen: list[Any]) -> None:
    ts = slack.send_message("UADA", CHANNEL, "a thread").ts
    assert slack.send_command("UADA", CHANNEL, "/best", thread_ts=ts).error == "not_supported_in_threads"
    with start(commands_known=True) as strict:
        assert strict.send_command("UADA", CHANNEL, "/worst").error == "invalid_command"
        assert strict.messages(CHANNEL)[-1].text == "/worst is not a valid command."


def test_buttons_and_menus_send_what_slack_sends(slack: Playground, seen: list[dict[str, Any]]) -> None:
    slack.send_command("UADA", CHANNEL, "/best")
    posted = slack.wait_for(with_text("brave-otter-42 is best"))
    assert slack.click("UBEN", "share", channel=CHANNEL, ts=posted.ts).error == ""
    assert slack.wait_for(with_text("Shared by a button.")).ephemeral_for is None
    body = next(body for body in seen if body.get("type") == "block_actions")
    assert body["actions"][0]["value"] == "best"
    assert body["message"]["ts"] == body["container"]["message_ts"] == posted.ts
    assert body["container"]["is_ephemeral"] is False
    assert "enterprise" in body
    slack.click("UBEN", "metric", channel=CHANNEL, ts=posted.ts, value="loss")
    chosen = next(b for b in seen if b.get("actions", [{}])[0].get("action_id") == "metric")
    assert chosen["actions"][0]["selected_option"]["value"] == "loss"
    slack.click("UBEN", "slow", channel=CHANNEL, ts=posted.ts)
    assert slack.wait_for(with_text("git checkout")).thread_ts == posted.ts


def test_a_button_in_a_whispered_message_comes_without_the_message(slack: Playground, seen: list[Any]) -> None:
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    button = {"type": "button", "action_id": "share", "text": {"type": "plain_text", "text": "Share"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = client.chat_postEphemeral(channel=CHANNEL, user="UADA", text="x", blocks=blocks)["message_ts"]
    slack.click("UADA", "share", channel=CHANNEL, ts=ts)
    body = slack.wait_for(lambda _: [b for b in seen if b.get("type") == "block_actions"])[0]
    assert "message" not in body
    assert body["container"]["is_ephemeral"] is True


def test_a_modal_opens_asks_refuses_and_closes(slack: Playground, seen: list[dict[str, Any]]) -> None:
    slack.send_command("UADA", CHANNEL, "/compare")
    view = slack.wait_for(lambda workspace: workspace.modals("UADA"))[0]
    outcome, errors = slack.submit_view("UADA", view.id, {})
    assert errors == {
        "left": "Please complete this required field.",
        "right": "Please complete this required field.",
    }
    right = {"run": "calm-heron-7"}
    outcome, errors = slack.submit_view("UADA", view.id, {"left": {"run": "nonsense"}, "right": right})
    assert (outcome.error, errors) == ("", {"left": "There is no such run."})
    values = {"left": {"run": "brave-otter-42"}, "right": right, "what": {"parts": ["code"]}}
    assert slack.submit_view("UADA", view.id, values)[1] == {}
    assert slack.workspace.modals("UADA") == []
    assert slack.wait_for(with_text("brave-otter-42 and calm-heron-7 differ", "D0ADA"))
    submitted = [body for body in seen if body.get("type") == "view_submission"][-1]
    state = submitted["view"]["state"]["values"]
    assert state["what"]["parts"]["selected_options"][0]["value"] == "code"


def test_home_is_published_when_it_is_opened(slack: Playground, seen: list[dict[str, Any]]) -> None:
    slack.open_home("UCHEN")
    view = slack.wait_for(lambda workspace: workspace.home.get("UCHEN"))
    assert view.body["blocks"][0]["text"]["text"] == "Your projects"


def test_events_carry_what_people_wrote(slack: Playground, seen: list[dict[str, Any]]) -> None:
    slack.send_message("UBEN", CHANNEL, "@trackrecord best & <fast>, see #general")
    answer = slack.wait_for(with_text("You asked:"))
    heard = [body["event"] for body in seen if body.get("type") == "event_callback"]
    assert {event["type"] for event in heard} == {"message", "app_mention"}
    assert heard[0]["text"] == "<@UBOT> best &amp; &lt;fast&gt;, see <#C0GENERAL|general>"
    assert answer.thread_ts == heard[0]["ts"]
    assert len({body["event_id"] for body in seen if "event_id" in body}) == 2
    slack.send_message("UBEN", "C0GENERAL", "nobody hears this @trackrecord")
    assert "not in this channel" in slack.messages("C0GENERAL")[-1].text
    slack.send_message("UBEN", "D0BEN", "in private")
    slack.wait_for(lambda _: [b for b in seen if b.get("event", {}).get("channel_type") == "im"])


def test_edits_come_as_message_changed(slack: Playground, seen: list[dict[str, Any]]) -> None:
    message = slack.send_message("UBEN", CHANNEL, "93.4 %")
    slack.edit_message("UBEN", CHANNEL, message.ts, "92.4 %")
    event = slack.wait_for(lambda _: [b["event"] for b in seen if b.get("event", {}).get("subtype")])[0]
    assert event["subtype"] == "message_changed"
    assert event["message"]["text"] == "92.4 %"
    assert event["previous_message"]["text"] == "93.4 %"


def test_a_message_shortcut_reaches_the_app() -> None:
    with (
        start(shortcuts=(Shortcut("Check this claim", "check_claim"),)) as slack,
        by_socket(make_app(slack, []), slack),
    ):
        ts = slack.send_message("UBEN", CHANNEL, "93.4 % with my new model").ts
        assert slack.use_shortcut("UADA", "check_claim", CHANNEL, ts).error == ""
        assert slack.wait_for(with_text("No verified run backs this: 93.4")).ephemeral_for == "UADA"


@pytest.mark.parametrize("reason", ["refresh_requested", "drop"])
def test_the_client_comes_back_after_a_disconnect(slack: Playground, seen: list[Any], reason: str) -> None:
    assert slack.disconnect(reason) == 1
    slack.wait_for(lambda _: len(slack.journal.entries("connected")) == 2, 20)
    assert slack.send_command("UADA", CHANNEL, "/quiet").error == ""


def raw_connection(slack: Playground, answer: bool, heard: list[SocketModeRequest]) -> None:
    client = SocketModeClient(app_token=slack.app_token, web_client=WebClient(base_url=slack.api_url))

    def listen(_: Any, request: SocketModeRequest) -> None:
        heard.append(request)
        if answer:
            client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
    client.socket_mode_request_listeners.append(listen)
    client.connect()


def test_a_payload_goes_to_one_of_several_connections(slack: Playground) -> None:
    heard: list[list[SocketModeRequest]] = [[], []]
    for one in heard:
        raw_connection(slack, True, one)
    slack.wait_for(lambda _: len(slack.journal.entries("connected")) == 2)
    for number in range(6):
        slack.send_message("UADA", CHANNEL, f"message {number}")
    slack.wait_for(lambda _: len(slack.journal.entries("delivery")) == 6)
    texts = [request.payload["event"]["text"] for one in heard for request in one]
    assert sorted(texts) == [f"message {number}" for number in range(6)]
    assert all(heard)


def test_an_event_without_acknowledgement_comes_again_under_the_same_id() -> None:
    with start(ack_s=0.3, retry_delays_s=(0.0, 0.1, 0.1)) as slack:
        heard: list[SocketModeRequest] = []
        raw_connection(slack, False, heard)
        slack.send_message("UADA", CHANNEL, "anybody there?")
        slack.wait_for(lambda _: len(slack.journal.entries("delivery")) == 4, 10)
        assert [request.retry_attempt for request in heard] == [0, 1, 2, 3]
        assert [request.retry_reason for request in heard] == ["", "timeout", "timeout", "timeout"]
        assert len({request.payload["event_id"] for request in heard}) == 1
        time.sleep(0.5)
        assert len(heard) == 4

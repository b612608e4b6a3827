"""The Web API, against the strict stand-in: what failed, whether it passes, whether it may have happened."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.blocks import Message, draw
from bot.deliver import DeliveryError, Slack
from tests.slack.world import CHANNEL, HTTP, World, free_port
from trackrecord.answer import Answer

pytestmark = pytest.mark.xdist_group("slack")
HELLO = draw(Answer("Hello", "Hello there."))
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def client(slack: World, token: str = "xoxb-test") -> Slack:
    return Slack(token, f"{slack.url}/api/", timeout_s=5)


def failing(slack: World, kind: str, **more: object) -> DeliveryError:
    slack.do("fault", method="chat.postMessage", kind=kind, times=1, **more)
    with pytest.raises(DeliveryError) as raised:
        client(slack).post(CHANNEL, HELLO, key=f"failing/{kind}")
    return raised.value


def test_a_message_is_posted_found_changed_and_taken_back(slack: World) -> None:
    api = client(slack)
    channel, ts = api.post(CHANNEL, HELLO, key="life/1")
    assert channel == CHANNEL
    assert api.find(CHANNEL, "life/1", LONG_AGO) == ts
    assert api.find(CHANNEL, "life/2", LONG_AGO) is None
    api.update(CHANNEL, ts, draw(Answer("", "Changed.")))
    assert next(m for m in slack.messages() if m["ts"] == ts)["text"] == "Changed."
    assert api.find(CHANNEL, "life/1", LONG_AGO) == ts  # still
    api.delete(CHANNEL, ts)
    api.delete(CHANNEL, ts)
    assert ts not in [m["ts"] for m in slack.messages()]


def test_a_reply_is_found_in_its_thread(slack: World) -> None:
    parent = slack.say("hello")
    _, ts = client(slack).post(CHANNEL, HELLO, key="thread/1", thread=parent)
    assert client(slack).find(CHANNEL, "thread/1", LONG_AGO, parent) == ts


def test_a_message_is_found_behind_many(slack: World) -> None:
    _, ts = client(slack).post(CHANNEL, HELLO, key="deep/1")
    for number in range(130):
        slack.say(f"message {number}")
    assert client(slack).find(CHANNEL, "deep/1", LONG_AGO) == ts


def test_what_passes_and_what_does_not(slack: World) -> None:
    limited = failing(slack, "429", seconds=7)
    assert (limited.permanent, limited.unknown, limited.retry_after) == (False, False, 7.0)
    down = failing(slack, "500")
    assert (down.permanent, down.unknown) == (False, True)
    lost = failing(slack, "drop_reply")
    assert (lost.permanent, lost.unknown) == (False, True)
    assert client(slack).find(CHANNEL, "failing/drop_reply", LONG_AGO)  # it had arrived
    for error in ("token_revoked", "channel_not_found", "is_archived", "restricted_action", "invalid_blocks"):
        revoked = failing(slack, f"error:{error}")
        assert (revoked.error, revoked.permanent, revoked.unknown) == (error, True, False)
    assert failing(slack, "error:internal_error").unknown
    assert not failing(slack, "error:service_unavailable").permanent


def test_a_slack_that_is_not_there_may_come_back(slack: World) -> None:
    with pytest.raises(DeliveryError) as raised:
        Slack("xoxb-test", f"http://127.0.0.1:{free_port()}/api/").post(CHANNEL, HELLO, key="x")
    assert not raised.value.permanent


def test_wrong_tokens_and_channels_are_permanent(slack: World) -> None:
    with pytest.raises(DeliveryError, match="invalid_auth") as raised:
        client(slack, "xoxb-other").post(CHANNEL, HELLO, key="x")
    assert raised.value.permanent
    with pytest.raises(DeliveryError, match="not_in_channel"):
        client(slack).post("C0GENERAL", HELLO, key="x")


def test_a_picture_may_be_shown_once_slack_has_looked_at_it(slack: World) -> None:
    api = client(slack)
    began = time.monotonic()
    file = api.upload(b"\x89PNG\r\n\x1a\n" + b"0" * 100, filename="chart.png", title="T" * 3000, alt="91.24 %" * 300)
    assert time.monotonic() - began >= 0.25  # the stand-in takes a while
    image = {"type": "image", "slack_file": {"id": file}, "alt_text": "chart"}
    _, ts = api.post(CHANNEL, Message("A chart.", [image]), key="picture/1")
    assert next(m for m in slack.messages() if m["ts"] == ts)["blocks"][0]["slack_file"]["id"] == file


def test_a_file_that_cannot_be_uploaded_is_said(slack: World) -> None:
    slack.do("fault", method="files.completeUploadExternal", kind="500", times=1)
    with pytest.raises(DeliveryError):
        client(slack).upload(b"x", filename="a.png", title="a", alt="a")


def test_who_we_and_others_are(slack: World) -> None:
    api = client(slack)
    assert api.identity is None
    assert (api.introduce().bot_user, api.introduce().team) == ("UBOT", "T0PLAY")
    assert api.identity is not None
    assert api.name_of("UADA") == "ada"
    assert api.name_of("U0NOBODY") == "U0NOBODY"


def test_a_response_url_that_is_used_up_says_so(slack: World) -> None:
    with pytest.raises(DeliveryError) as raised:
        client(slack).respond(f"{slack.url}/response/T0PLAY/none", HELLO)
    assert raised.value.permanent
    with pytest.raises(DeliveryError) as raised:
        client(slack).respond(f"http://127.0.0.1:{free_port()}/x", HELLO)
    assert (raised.value.permanent, raised.value.unknown) == (False, True)


def test_names_that_look_like_mentions_reach_nobody(slack: World) -> None:
    name = "<!channel> <@UADA> & <#C0MILESTONE>"
    _, ts = client(slack).post(CHANNEL, draw(Answer(name, f"{name} is best.")), key="nasty/1")
    kept = next(m for m in slack.messages() if m["ts"] == ts)
    assert kept["text"] == "&lt;!channel&gt; &lt;@UADA&gt; &amp; &lt;#C0MILESTONE&gt; is best."
    assert HTTP.request("GET", f"{slack.url}/playground/state", fields={"user": "UADA"}).status == 200

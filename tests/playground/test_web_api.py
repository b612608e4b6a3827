"""Slack's own client against the stand-in: names of errors, scopes, history, files, views, response_url."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.playground import Playground, start
from bot.playground.workspace import ResponseUrl
from tests.playground.small_app import HOME, MODAL, png

CHANNEL = "C0MILESTONE"


def refused(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return dict(caught.value.response.data)


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
def test_errors_have_slacks_names(slack: Playground, client: WebClient) -> None:
    post = client.chat_postMessage
    assert refused(client.api_call, api_method="chat.scream")["error"] == "unknown_method"
    assert refused(post, channel=CHANNEL, text="")["error"] == "no_text"
    assert refused(post, channel=CHANNEL, blocks=[{"type": "divider"}])["error"] == "no_text"
    assert refused(post, channel="C0NOWHERE", text="x")["error"] == "channel_not_found"
    assert refused(post, channel="C0GENERAL", text="x")["error"] == "not_in_channel"
    assert refused(post, channel=CHANNEL, text="x" * 40_001)["error"] == "msg_too_long"
    assert refused(post, channel=CHANNEL, text="x", thread_ts="1.000001")["error"] == "thread_not_found"
    assert refused(post, channel=CHANNEL, text="x", blocks="[{")["error"] == "invalid_blocks_format"
    assert refused(post, channel=CHANNEL, text="x", metadata={"event_type": "t"})["error"] == "invalid_metadata_format"
    large = {"event_type": "t", "event_payload": {"key": "x" * 2000}}
    assert refused(post, channel=CHANNEL, text="x", metadata=large)["error"] == "metadata_too_large"
    assert refused(WebClient(token="xoxb-other", base_url=slack.api_url).auth_test)["error"] == "invalid_auth"
    assert refused(WebClient(base_url=slack.api_url).auth_test)["error"] == "not_authed"
    assert refused(client.apps_connections_open, app_token=slack.bot_token)["error"] == "not_allowed_token_type"
    assert slack.messages(CHANNEL) == []


def test_a_missing_scope_is_named() -> None:
    with start(scopes=("chat:write", "commands")) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        answer = refused(client.reactions_add, channel=CHANNEL, name="eyes", timestamp="1.0")
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "reactions:write",
            "chat:write,commands",
        )
        assert client.chat_postMessage(channel=CHANNEL, text="x")["ok"]


def raw(url: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return dict(json.load(answer))


def test_every_encoding_is_understood(slack: Playground) -> None:
    auth = {"Authorization": f"Bearer {slack.bot_token}"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    as_json = {"Content-Type": "application/json;charset=utf-8"}
    assert raw(f"{slack.api_url}auth.test", b"", **auth, **as_json)["user_id"] == "UBOT"
    assert raw(f"{slack.api_url}auth.test", **auth)["team_id"] == "T0PLAY"
    assert raw(f"{slack.api_url}auth.test?token={slack.bot_token}")["ok"]
    blocks = b"channel=C0MILESTONE&text=x&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"
    assert raw(f"{slack.api_url}chat.postMessage", blocks, **auth, **form)["message"]["blocks"][0]["type"] == "divider"
    assert raw(f"{slack.api_url}chat.postMessage", b'{"channel": NaN}', **auth, **as_json)["error"] == "invalid_json"
    assert raw(f"{slack.api_url}chat.postMessage", b"[]", **auth, **as_json)["error"] == "json_not_object"


def test_timestamps_are_strings_unique_and_growing(client: WebClient) -> None:
    given = [client.chat_postMessage(channel=CHANNEL, text=str(n))["ts"] for n in range(30)]
    assert all(isinstance(ts, str) for ts in given)
    assert given == sorted(set(given))


def test_history_threads_and_metadata(slack: Playground, client: WebClient) -> None:
    key = {"event_type": "trackrecord", "event_payload": {"key": "new_best:1"}}
    first = client.chat_postMessage(channel=CHANNEL, text="one", metadata=key)["ts"]
    reply = client.chat_postMessage(channel=CHANNEL, text="two", thread_ts=first)["ts"]
    client.chat_postEphemeral(channel=CHANNEL, user="UADA", text="whispered")
    third = client.chat_postMessage(channel=CHANNEL, text="three")["ts"]
    history = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
    assert [message["ts"] for message in history] == [third, first]
    assert history[1]["metadata"] == key
    assert history[1]["reply_count"] == 1
    assert "metadata" not in client.conversations_history(channel=CHANNEL)["messages"][1]
    assert [m["ts"] for m in client.conversations_replies(channel=CHANNEL, ts=first)["messages"]] == [first, reply]
    page = client.conversations_history(channel=CHANNEL, limit=1)
    assert page["has_more"]
    rest = client.conversations_history(channel=CHANNEL, cursor=page["response_metadata"]["next_cursor"])
    assert [message["ts"] for message in rest["messages"]] == [first]
    newer = client.conversations_history(channel=CHANNEL, oldest=first)["messages"]
    assert [message["ts"] for message in newer] == [third]
    assert refused(client.conversations_history, channel="C0GENERAL")["error"] == "not_in_channel"


def test_updates_change_what_they_name_and_only_own_messages(slack: Playground, client: WebClient) -> None:
    posted = client.chat_postMessage(channel=CHANNEL, text="a", blocks=[{"type": "divider"}])["ts"]
    assert len(client.chat_update(channel=CHANNEL, ts=posted, text="b")["message"]["blocks"]) == 1
    assert "blocks" not in client.chat_update(channel=CHANNEL, ts=posted, text="c", blocks=[])["message"]
    assert refused(client.chat_update, channel=CHANNEL, ts=posted, text="x" * 4001)["error"] == "msg_too_long"
    foreign = slack.send_message("UADA", CHANNEL, "mine").ts
    assert refused(client.chat_update, channel=CHANNEL, ts=foreign, text="x")["error"] == "cant_update_message"
    assert refused(client.chat_delete, channel=CHANNEL, ts=foreign)["error"] == "cant_delete_message"
    whispered = client.chat_postEphemeral(channel=CHANNEL, user="UADA", text="x")["message_ts"]
    assert refused(client.chat_update, channel=CHANNEL, ts=whispered, text="x")["error"] == "message_not_found"
    client.chat_delete(channel=CHANNEL, ts=posted)
    assert refused(client.chat_delete, channel=CHANNEL, ts=posted)["error"] == "message_not_found"
    assert refused(client.chat_postEphemeral, channel="D0ADA", user="UBEN", text="x")["error"] == "user_not_in_channel"


def test_people_channels_and_reactions(slack: Playground, client: WebClient) -> None:
    assert client.users_info(user="UCHEN", include_locale=True)["user"]["tz"] == "Asia/Taipei"
    assert refused(client.users_info, user="UNONE")["error"] == "user_not_found"
    assert {user["name"] for user in client.users_list()["members"]} >= {"ada", "ben", "chen", "dana", "emre"}
    assert [c["name"] for c in client.conversations_list()["channels"]] == ["milestone-1", "general"]
    assert client.conversations_info(channel="C0GENERAL")["channel"]["is_member"] is False
    assert client.conversations_open(users="UDANA")["channel"]["id"] == "D0DANA"
    assert client.chat_postMessage(channel="UDANA", text="hello")["channel"] == "D0DANA"
    ts = slack.send_message("UADA", CHANNEL, "well").ts
    client.reactions_add(channel=CHANNEL, name="eyes", timestamp=ts)
    assert refused(client.reactions_add, channel=CHANNEL, name="eyes", timestamp=ts)["error"] == "already_reacted"
    client.reactions_remove(channel=CHANNEL, name="eyes", timestamp=ts)
    assert refused(client.reactions_remove, channel=CHANNEL, name="eyes", timestamp=ts)["error"] == "no_reaction"


def test_a_picture_is_ready_only_after_a_while(slack: Playground, client: WebClient) -> None:
    content = png()
    file = client.files_upload_v2(filename="chart.png", content=content, alt_txt="three bars")["file"]["id"]
    image = {"type": "image", "slack_file": {"id": file}, "alt_text": "three bars"}
    early = refused(client.chat_postMessage, channel=CHANNEL, text="x", blocks=[image])
    assert "invalid slack file [json-pointer:/blocks/0/slack_file]" in early["response_metadata"]["messages"][0]
    assert client.files_info(file=file)["file"]["mimetype"] == ""
    time.sleep(0.35)
    assert client.files_info(file=file)["file"]["mimetype"] == "image/png"
    assert client.chat_postMessage(channel=CHANNEL, text="x", blocks=[image])["ok"]
    with urllib.request.urlopen(f"{slack.url}/playground/files/{file}", timeout=5) as served:
        assert served.read() == content
    assert refused(client.files_getUploadURLExternal, filename="a", length=1, alt_txt="x" * 1001)["error"] == (
        "alt_txt_too_large"
    )
    assert refused(client.files_completeUploadExternal, files=[{"id": "F9"}])["error"] == "file_not_found"


def test_views_obey_triggers_stacks_and_hashes(client: WebClient) -> None:
    with start(trigger_s=0.4) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        assert refused(client.views_open, trigger_id="none", view=MODAL)["error"] == "invalid_trigger_id"
        trigger = slack.workspace.make_trigger("UADA")
        opened = client.views_open(trigger_id=trigger, view=MODAL)["view"]
        assert refused(client.views_open, trigger_id=trigger, view=MODAL)["error"] == "exchanged_trigger_id"
        for _ in range(2):
            client.views_push(trigger_id=slack.workspace.make_trigger("UADA"), view=MODAL)
        full = refused(client.views_push, trigger_id=slack.workspace.make_trigger("UADA"), view=MODAL)
        assert full["error"] == "push_limit_reached"
        late = slack.workspace.make_trigger("UADA")
        time.sleep(0.5)
        assert refused(client.views_open, trigger_id=late, view=MODAL)["error"] == "expired_trigger_id"
        changed = client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)["view"]
        assert changed["hash"] != opened["hash"]
        stale = refused(client.views_update, view_id=opened["id"], hash=opened["hash"], view=MODAL)
        assert stale["error"] == "hash_conflict"
        home = client.views_publish(user_id="UADA", view=HOME)["view"]
        assert client.views_publish(user_id="UADA", view=HOME)["view"]["id"] == home["id"]


def test_a_response_url_works_five_times_and_replaces_only_what_was_clicked(
    slack: Playground, client: WebClient
) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="old")["ts"]
    made = ResponseUrl("UADA", CHANNEL, time.time(), ts)
    url = slack.workspace.make_response_url(slack.url, made)
    webhook = WebhookClient(url)
    assert webhook.send(text="new", replace_original=True).status_code == 200
    assert slack.workspace.channels[CHANNEL].messages[0].text == "new"
    assert webhook.send(text="to all", response_type="in_channel").status_code == 200
    bad = webhook.send(text="x", blocks=[{"type": "nonsense"}])
    assert (bad.status_code, json.loads(bad.body)["error"]) == (400, "invalid_blocks")
    assert webhook.send(text="only you").status_code == 200
    assert webhook.send(delete_original=True).status_code == 200
    used = webhook.send(text="once more")
    assert (used.status_code, json.loads(used.body)["error"]) == (404, "used_url")
    assert [(m.text, m.ephemeral_for) for m in slack.messages(CHANNEL)] == [("to all", None), ("only you", "UADA")]
    made.uses, made.made_at = 0, time.time() - 1801
    assert json.loads(webhook.send(text="late").body)["error"] == "expired_url"


def test_one_message_a_second_and_channel() -> None:
    with start(rate_limit=True) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        client.chat_postMessage(channel=CHANNEL, text="one")
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=CHANNEL, text="two")
        response = caught.value.response
        assert (response.status_code, response["error"], response.headers["Retry-After"]) == (429, "ratelimited", "1")
        assert client.chat_postMessage(channel="D0ADA", text="elsewhere")["ok"]


def test_links_unfurl(client: WebClient) -> None:
    with start(unfurl_domains=("example.org",)) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        ts = slack.send_message("UADA", CHANNEL, "see https://runs.example.org/r?a=1&b=2 please").ts
        url = "https://runs.example.org/r?a=1&b=2"
        shared = slack.wait_for(lambda _: [e for e in slack.journal.entries("delivery") if e["what"] == "link_shared"])
        assert shared[0]["payload"]["event"]["links"] == [{"domain": "runs.example.org", "url": url}]
        preview = {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*brave-otter-42*"}}]}
        client.chat_unfurl(channel=CHANNEL, ts=ts, unfurls={url: preview})
        assert slack.messages(CHANNEL)[0].unfurls == {url: preview}
        other = {"https://other.org": preview}
        assert refused(client.chat_unfurl, channel=CHANNEL, ts=ts, unfurls=other)["error"] == "cannot_unfurl_url"

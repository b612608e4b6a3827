"""Everything that Slack would refuse is refused, with a pointer to the place; what Slack takes is taken."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.playground import Playground, start
from bot.playground.schema_blocks import BLOCKS
from bot.playground.validate import check_blocks, check_view
from tests.playground.small_app import BEST, BUTTONS, HOME, MODAL, cell, plain

Block = dict[str, Any]
KEYS = ["type", "text", "elements", "rows", "fields", "accessory", "element", "chart", "options", "slack_file"]


@pytest.fixture(scope="module")
def slack() -> Iterator[Playground]:
    with start() as workspace:
        yield workspace


@pytest.fixture(scope="module")
def client(slack: Playground) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def section(**changes: Any) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}} | changes


def button(**changes: Any) -> Block:
    return {"type": "button", "action_id": "a", "text": plain("Go"), "value": "1"} | changes


def actions(*elements: Block, **changes: Any) -> Block:
    return {"type": "actions", "elements": list(elements), **changes}


def table(rows: int = 2, columns: int = 2) -> Block:
    return {"type": "table", "rows": [[cell("x") for _ in range(columns)] for _ in range(rows)]}


def line(count: int = 1, points: int = 3, **changes: Any) -> Block:
    labels = [f"epoch {n}" for n in range(points)]
    data = [{"label": label, "value": 1.5} for label in labels]
    chart = {
        "type": "line",
        "series": [{"name": f"run {n}", "data": data} for n in range(count)],
        "axis_config": {"categories": labels},
    }
    return {"type": "data_visualization", "title": "Loss", "chart": chart | changes}


def menu(count: int = 2, **changes: Any) -> Block:
    options = [{"text": plain(f"option {n}"), "value": str(n)} for n in range(count)]
    return {"type": "static_select", "action_id": "m", "placeholder": plain("Choose"), "options": options} | changes


SHARED = {"label": "epoch 0", "value": 1.0}
IMAGE = {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "a"}

# What is wrong with it, the blocks, the place that the complaint must point to.
BAD: dict[str, tuple[list[Block], str]] = {
    "unknown block": ([{"type": "nonsense"}], "/blocks/0/type"),
    "no type": ([{"text": plain("x")}], "/blocks/0/type"),
    "51 blocks": ([{"type": "divider"}] * 51, "/blocks"),
    "header with mrkdwn": ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
    "header of 151": ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
    "header level 5": ([{"type": "header", "text": plain("x"), "level": 5}], "/blocks/0/level"),
    "section with nothing": ([{"type": "section"}], "/blocks/0"),
    "section with empty text": ([section(text=plain(""))], "/blocks/0/text/text"),
    "section of 3001": ([section(text=plain("x" * 3001))], "/blocks/0/text/text"),
    "11 fields": ([section(fields=[plain("x")] * 11)], "/blocks/0/fields"),
    "field of 2001": ([section(fields=[plain("x" * 2001)])], "/blocks/0/fields/0/text"),
    "misspelt key": ([section(acessory=button())], "/blocks/0"),
    "11 context elements": ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements"),
    "empty context": ([{"type": "context", "elements": []}], "/blocks/0/elements"),
    "button in context": ([{"type": "context", "elements": [button()]}], "/blocks/0/elements/0/type"),
    "26 buttons": ([actions(*(button(action_id=str(n)) for n in range(26)))], "/blocks/0/elements"),
    "button text of 76": ([actions(button(text=plain("x" * 76)))], "/blocks/0/elements/0/text/text"),
    "button with mrkdwn": ([actions(button(text={"type": "mrkdwn", "text": "x"}))], "/blocks/0/elements/0/text/type"),
    "button value of 2001": ([actions(button(value="x" * 2001))], "/blocks/0/elements/0/value"),
    "button url of 3001": ([actions(button(url="https://e.org/" + "x" * 3000))], "/blocks/0/elements/0/url"),
    "button style": ([actions(button(style="green"))], "/blocks/0/elements/0/style"),
    "action_id of 256": ([actions(button(action_id="x" * 256))], "/blocks/0/elements/0/action_id"),
    "action_id twice": ([actions(button(), button())], "/blocks/0"),
    "block_id twice": ([section(block_id="b"), section(block_id="b")], "/blocks/1/block_id"),
    "block_id of 256": ([section(block_id="b" * 256)], "/blocks/0/block_id"),
    "101 options": ([actions(menu(101))], "/blocks/0/elements/0/options"),
    "no options": ([actions(menu(0))], "/blocks/0/elements/0/options"),
    "option text of 76": ([actions(menu(options=[{"text": plain("x" * 76), "value": "1"}]))], "/options/0/text/text"),
    "option value of 151": ([actions(menu(options=[{"text": plain("x"), "value": "1" * 151}]))], "/options/0/value"),
    "option value twice": ([actions(menu(options=[{"text": plain("x"), "value": "1"}] * 2))], "/blocks/0"),
    "initial option from nowhere": ([actions(menu(initial_option={"text": plain("x"), "value": "9"}))], "/blocks/0"),
    "options and groups": ([actions(menu(option_groups=[{"label": plain("g"), "options": []}]))], "/elements/0"),
    "6 in an overflow": ([section(accessory=menu(6) | {"type": "overflow"} | {})], "/blocks/0/accessory"),
    "11 checkboxes": ([actions({"type": "checkboxes", "action_id": "c", "options": menu(11)["options"]})], "/options"),
    "image without alt": ([{"type": "image", "image_url": "https://example.org/a.png"}], "/blocks/0"),
    "image with empty alt": ([IMAGE | {"alt_text": ""}], "/blocks/0/alt_text"),
    "image from two places": ([IMAGE | {"slack_file": {"id": "F1"}}], "/blocks/0"),
    "image from nowhere": ([{"type": "image", "alt_text": "a"}], "/blocks/0"),
    "image on loopback": ([IMAGE | {"image_url": "http://127.0.0.1/a.png"}], "/blocks/0/image_url"),
    "file that is not there": (
        [{"type": "image", "alt_text": "a", "slack_file": {"id": "F9"}}],
        "/blocks/0/slack_file",
    ),
    "two tables": ([table(), table()], "/blocks/1"),
    "table of 101 rows": ([table(101)], "/blocks/0/rows"),
    "table of 21 columns": ([table(2, 21)], "/blocks/0/rows/0"),
    "table with a ragged row": ([{"type": "table", "rows": [[cell("a")], [cell("a"), cell("b")]]}], "/blocks/0/rows/1"),
    "table with an empty cell": ([{"type": "table", "rows": [[cell("")]]}], "/blocks/0/rows/0/0/text"),
    "table with mrkdwn": ([{"type": "table", "rows": [[{"type": "mrkdwn", "text": "x"}]]}], "/blocks/0/rows/0/0/type"),
    "column settings": ([table() | {"column_settings": [{"align": "middle"}]}], "/blocks/0/column_settings/0"),
    "data_table without caption": ([{"type": "data_table", "rows": table()["rows"]}], "/blocks/0"),
    "data_table of one row": ([table(1) | {"type": "data_table", "caption": "c"}], "/blocks/0/rows"),
    "chart with 7 series": ([line(7)], "/blocks/0/chart/series"),
    "chart with 21 points": ([line(1, 21)], "/blocks/0/chart/series/0/data"),
    "chart title of 51": ([line() | {"title": "x" * 51}], "/blocks/0/title"),
    "chart with other labels": ([line(axis_config={"categories": ["a", "b", "c"]})], "/blocks/0/chart/series/0/data"),
    "chart with a name twice": (
        [line(series=[{"name": "r", "data": [SHARED]}] * 2, axis_config={"categories": ["epoch 0"]})],
        "/blocks/0/chart/series",
    ),
    "three charts": ([line(), line(), line()], "/blocks/2"),
    "pie with zero": (
        [
            {
                "type": "data_visualization",
                "title": "t",
                "chart": {"type": "pie", "segments": [{"label": "a", "value": 0}]},
            }
        ],
        "/blocks/0/chart/segments/0/value",
    ),
    "rich_text with a stray word": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "mrkdwn"}]}]}],
        "/blocks/0/elements/0/elements/0/type",
    ),
    "markdown of 12001": ([{"type": "markdown", "text": "x" * 12_001}], "/blocks/0/text"),
    "markdown of 12001 in two": ([{"type": "markdown", "text": "x" * 6_001}] * 2, "/blocks"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_blocks_are_refused_where_they_are_wrong(client: WebClient, slack: Playground, what: str) -> None:
    blocks, place = BAD[what]
    before = len(slack.messages("C0MILESTONE"))
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0MILESTONE", text="fallback", blocks=blocks)
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    said = answer["response_metadata"]["messages"]
    assert any(message.startswith("[ERROR] ") and place in message for message in said), said
    assert len(slack.messages("C0MILESTONE")) == before


def test_every_refusal_holds_for_every_way_to_send(client: WebClient) -> None:
    ts = client.chat_postMessage(channel="C0MILESTONE", text="x")["ts"]
    bad = [{"type": "nonsense"}]
    ways = (
        lambda: client.chat_update(channel="C0MILESTONE", ts=ts, text="x", blocks=bad),
        lambda: client.chat_postEphemeral(channel="C0MILESTONE", user="UADA", text="x", blocks=bad),
        lambda: client.chat_postMessage(channel="C0MILESTONE", text="x", attachments=[{"blocks": bad}]),
    )
    for send in ways:
        with pytest.raises(SlackApiError) as caught:
            send()
        assert caught.value.response["error"] == "invalid_blocks"


GOOD: dict[str, list[Block]] = {
    "the best answer": [*BEST, BUTTONS],
    "every limit reached": [
        {"type": "header", "text": plain("x" * 150), "level": 4},
        section(text=plain("x" * 3000), fields=[plain("x" * 2000)] * 10),
        {"type": "context", "elements": [plain("x")] * 10},
        actions(*(button(action_id=str(n), text=plain("x" * 75), value="v" * 2000) for n in range(25))),
        table(100, 20),
        line(6, 20),
        line(1, 1),
        IMAGE | {"alt_text": "x" * 2000},
    ],
    "50 blocks": [{"type": "divider"}] * 50,
    "menus": [actions(menu(100, initial_option={"text": plain("option 3"), "value": "3"}))],
    "machine text": [section(text={"type": "mrkdwn", "text": "`&lt;!channel&gt;` 你好 مرحبا 🎉"})],
    "a data table": [
        {
            "type": "data_table",
            "caption": "runs",
            "rows": [[cell("r")], [{"type": "raw_number", "value": 1, "text": "1"}]],
        }
    ],
    "the same action_id in two blocks": [actions(button()), actions(button())],
}


@pytest.mark.parametrize("what", GOOD)
def test_good_blocks_are_taken(client: WebClient, what: str) -> None:
    assert check_blocks(GOOD[what]) == []
    assert client.chat_postMessage(channel="C0MILESTONE", text="fallback", blocks=GOOD[what])["ok"]


def without(key: str, view: Block = MODAL) -> Block:
    return {name: value for name, value in view.items() if name != key}


BAD_VIEWS: dict[str, Block] = {
    "modal without title": without("title"),
    "input without submit": without("submit"),
    "title of 25": MODAL | {"title": plain("x" * 25)},
    "private_metadata of 3001": MODAL | {"private_metadata": "x" * 3001},
    "callback_id of 256": MODAL | {"callback_id": "x" * 256},
    "a table in a modal": MODAL | {"blocks": [table()]},
    "a chart in a modal": MODAL | {"blocks": [line()]},
    "101 blocks": HOME | {"blocks": [{"type": "divider"}] * 101},
    "a table on Home": HOME | {"blocks": [table()]},
    "a title on Home": HOME | {"title": plain("x")},
    "250 KB": HOME | {"blocks": [section(text=plain("x" * 2999), block_id=str(n)) for n in range(90)]},
    "another type": HOME | {"type": "page"},
    "two that want the focus": MODAL
    | {"blocks": [actions(menu(action_id=str(n), focus_on_load=True)) for n in range(2)]},
}


@pytest.mark.parametrize("what", BAD_VIEWS)
def test_bad_views_are_refused(client: WebClient, slack: Playground, what: str) -> None:
    view = BAD_VIEWS[what]
    assert check_view(view)
    modal = view["type"] == "modal"
    send = partial(client.views_open, trigger_id="any") if modal else partial(client.views_publish, user_id="UADA")
    with pytest.raises(SlackApiError) as caught:
        send(view=view)
    wanted = "view_too_large" if what == "250 KB" else "invalid_arguments"
    assert caught.value.response["error"] == wanted
    assert not slack.workspace.home


def test_good_views_are_taken() -> None:
    assert check_view(MODAL) == check_view(HOME) == []


def test_what_is_checked_is_not_changed() -> None:
    before = copy.deepcopy(GOOD)
    for blocks in GOOD.values():
        check_blocks(blocks)
    assert before == GOOD


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from([*BLOCKS, "mrkdwn", "plain_text"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)


@given(JSON, st.sampled_from(sorted(BLOCKS)))
def test_no_input_makes_the_judge_stumble(value: Any, kind: str) -> None:
    block = {**value, "type": kind} if isinstance(value, dict) else value
    for found in (check_blocks(value), check_blocks([block]), check_blocks([block], "home"), check_view(value)):
        assert all("json-pointer" in complaint or complaint == "view_too_large" for complaint in found)

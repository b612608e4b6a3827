"""Any answer becomes a message inside Slack's limits, with nothing in it that Slack would parse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import limits
from bot.blocks import Asking, Button, Message, draw, draw_charts
from bot.playground.validate import check_blocks
from tests.soak import count
from trackrecord.answer import Answer, Chart, Code, Facts, FollowUp, Link, Note, Series, Table

NASTY = [
    "<!channel>",
    "<@UADA>",
    "&lt;b&gt;",
    "*b* _i_ ~s~ `c`",
    ":tada:",
    "\u202eabc",
    "\ud800",
    "a\x00b",
    "",
    " ",
    "\n",
]
words = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=40),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=8), st.integers(1, 2000)),
)
cells = st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False), words)


@st.composite
def tables(make: st.DrawFn) -> Table:
    columns = make(st.lists(words, max_size=24))
    rows = make(st.lists(st.lists(cells, max_size=24).map(tuple), max_size=8))
    rows *= make(st.integers(1, 30))
    align = make(st.lists(st.sampled_from(["left", "right"]), max_size=24))
    return Table(tuple(columns), tuple(rows), make(words), tuple(align), make(st.integers(0, 5000)))


parts = st.one_of(
    st.builds(Note, words, st.sampled_from(["plain", "good", "warn", "bad"])),
    st.builds(Facts, st.lists(st.tuples(words, words), max_size=60).map(tuple), words),
    tables(),
    st.builds(Code, words, words, words),
    st.builds(Chart, words, st.just("line"), st.just((Series("a", (1.0,), (2.0,)),)), words, words, words, st.just(())),
    st.builds(Link, words, st.one_of(st.just("/runs/1"), st.just("https://example.org/"), words)),
)
follow_ups = st.builds(FollowUp, words, words, words)
answers = st.builds(
    Answer,
    words,
    words,
    st.lists(parts, max_size=60).map(tuple),
    st.sampled_from(["plain", "good", "warn", "bad"]),
    st.lists(follow_ups, max_size=60).map(tuple),
)


def every(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every(inner)


def faults(message: Message) -> list[str]:
    """What Slack would refuse, by the numbers of its documentation, counted in UTF-16 units."""
    size = limits.length
    said: list[str] = []

    def must(holds: bool, fault: str) -> None:
        if not holds:
            said.append(fault)

    must(1 <= size(message.text) < 300, "text")
    must(1 <= len(message.blocks) <= 50, "blocks")
    must([block["type"] for block in message.blocks].count("table") <= 1, "one table")
    actions: list[str] = []
    for block in message.blocks:
        match block["type"]:
            case "table":
                must(1 <= len(block["rows"]) <= 100, "rows")
                must(len(block["column_settings"]) <= 20, "column settings")
                for row in block["rows"]:
                    must(1 <= len(row) <= 20, "columns")
                    must(all(cell["type"] == "raw_text" and cell["text"].strip() for cell in row), "cell")
                must(sum(size(cell["text"]) for row in block["rows"] for cell in row) <= 10_000, "table characters")
            case "image":
                must(1 <= size(block["alt_text"]) <= 2000 and size(block["title"]["text"]) <= 2000, "image")
                must(set(block) == {"type", "slack_file", "alt_text", "title"}, "image keys")
            case "actions":
                must(1 <= len(block["elements"]) <= 25, "buttons")
                for button in block["elements"]:
                    actions.append(button["action_id"])
                    must(1 <= size(button["text"]["text"]) <= 75, "label")
                    must(size(button["accessibility_label"]) <= 75, "accessibility label")
                    must(size(button.get("value", "")) <= 2000 and size(button.get("url", "")) <= 3000, "value, url")
            case "context":
                must(len(block["elements"]) <= 10, "context")
            case "rich_text":
                must(all(section["elements"] for section in block["elements"]), "empty section")
            case other:
                must(False, f"unknown block {other}")
    must(len(set(actions)) == len(actions), "action ids")
    for thing in every(message.blocks):
        if isinstance(thing.get("text"), str):
            must(0 < size(thing["text"]) <= 3000 and bool(thing["text"].strip() or thing["text"] in "\n "), str(thing))
    return said


def parsed_texts(message: Message) -> list[str]:
    """Every string that Slack parses: the fallback text and mrkdwn."""
    return [message.text, *(thing["text"] for thing in every(message.blocks) if thing.get("type") == "mrkdwn")]


@pytest.mark.soak
@settings(deadline=None, max_examples=count(60, 1_500), suppress_health_check=list(HealthCheck))
@given(answers, st.booleans(), st.dictionaries(st.integers(0, 3), st.sampled_from(["F0ABC", None])))
def test_any_answer_is_inside_every_limit(answer: Answer, share: bool, charts: dict[int, str | None]) -> None:
    message = draw(answer, charts=charts, base_url="http://127.0.0.1:8321", asking=Asking("best", "x"), share=share)
    assert faults(message) == []
    assert check_blocks(message.blocks) == []
    json.dumps(message.blocks, ensure_ascii=False).encode()  # no half characters
    for text in parsed_texts(message):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)
    spoken = [thing["accessibility_label"] for thing in every(message.blocks) if "accessibility_label" in thing]
    assert len(set(spoken)) == len(spoken)


def shown(message: Message) -> str:
    return "\n".join(thing["text"] for thing in every(message.blocks) if isinstance(thing.get("text"), str))


def test_a_run_named_channel_shows_as_exactly_that() -> None:
    name = "<!channel>"
    answer = Answer(name, f"{name} is best.", (Table(("run",), ((name,),)), Facts((("run", name),)), Note(name)))
    message = draw(answer)
    assert message.text == "&lt;!channel&gt; is best."
    assert shown(message).count(name) == 5
    assert not any(thing.get("type") == "mrkdwn" for thing in every(message.blocks))


def test_the_first_block_says_what_the_fallback_says() -> None:
    message = draw(Answer("Best of milestone-1", "brave-otter-42 is best: 92.1 %.", (Note("12 verified of 31 runs"),)))
    assert message.text == "brave-otter-42 is best: 92.1 %."
    assert message.text in shown(Message("", message.blocks[:1]))


def test_what_is_cut_says_how_much() -> None:
    rows = tuple((f"run-{number}", number) for number in range(150))
    wide = Table(tuple(f"c{number}" for number in range(23)), ((1,) * 23,))
    message = draw(Answer("t", "x" * 5000, (Table(("run", "value"), rows, cut=7), Note("y" * 4000))))
    assert "(+58 more rows)" in shown(message)  # 150 + 7 - 99
    assert re.search(r"y… \(\+1,2\d\d characters\)", shown(message))
    assert re.search(r"x… \(\+4,7\d\d characters\)$", message.text)
    assert "(+3 more columns)" in shown(draw(Answer("t", "t", (wide,))))
    many = draw(Answer("t", "t", tuple(Note(f"note {number}") for number in range(90))))
    assert len(many.blocks) == 50
    assert "(+42 parts of the answer that a message has no room for" in shown(many)
    facts = draw(Answer("t", "t", (Facts(tuple((f"param.{number}", "x" * 40) for number in range(300))),)))
    assert re.search(r"\(\+2\d\d more\)", shown(facts))


def test_code_is_shown_between_lines_and_offered_as_a_file() -> None:
    script = "\n".join(f"echo line {number}" for number in range(400))
    message = draw(Answer("Repro", "How.", (Code(script, filename="repro.sh"),)), asking=Asking("repro", "run-1"))
    preformatted = next(thing for thing in every(message.blocks) if thing.get("type") == "rich_text_preformatted")
    kept = preformatted["elements"][0]["text"]
    assert script.startswith(kept + "\n")
    assert f"Cut: {kept.count('echo')} of 400 lines are shown." in shown(message)
    button = next(thing for thing in every(message.blocks) if thing.get("action_id") == "file:0")
    assert json.loads(button["value"]) == {"q": "repro", "w": "run-1"}
    assert button["text"]["text"] == "repro.sh as file"


def test_a_second_table_is_text_because_slack_allows_one() -> None:
    table = Table(("run", "value"), (("a", "9.0"), ("bbb", "10.0")), align=("left", "right"))
    message = draw(Answer("t", "t", (table, table)))
    assert [block["type"] for block in message.blocks] == ["rich_text", "table", "rich_text"]
    assert "run  value\na      9.0\nbbb   10.0" in shown(message)


CHART = Chart("Accuracy", "line", (Series("a", (1.0,), (2.0,)),), alt="Accuracy rises to 92.1 % at epoch 9.")


@pytest.mark.parametrize(
    ("charts", "kind", "says"),
    [
        ({}, "context", "Chart follows: Accuracy"),
        ({0: None}, "context", "could not be drawn"),
        ({0: "F1"}, "image", ""),
    ],
)
def test_a_chart_follows_then_stands(charts: dict[int, str | None], kind: str, says: str) -> None:
    block = draw(Answer("t", "t", (CHART,)), charts=charts).blocks[1]
    assert block["type"] == kind
    if kind == "image":
        assert block["slack_file"] == {"id": "F1"}
        assert block["alt_text"] == CHART.alt
    else:
        assert says in block["elements"][0]["text"]


def test_charts_alone_are_a_message() -> None:
    message = draw_charts((CHART, CHART), {0: "F1"})
    assert [block["type"] for block in message.blocks] == ["image", "context"]
    assert message.text.startswith(CHART.alt)
    assert faults(message) == []


def test_buttons_stand_in_order_and_lead_somewhere() -> None:
    answer = Answer(
        "t",
        "t",
        (Link("Run page", "/runs/1"), Link("Bad", "javascript:alert(1)"), Link("Out", "https://example.org/a")),
        follow_ups=(FollowUp("Reproduce", "repro", "a"), FollowUp("Reproduce", "repro", "b")),
    )
    message = draw(
        answer,
        base_url="http://reg",
        asking=Asking("best", "m"),
        share=True,
        buttons=(Button("Not a claim", "not_a_claim", "x"),),
    )
    buttons = message.blocks[-1]["elements"]
    assert [button["action_id"] for button in buttons] == ["ask:0", "ask:1", "link:0", "link:2", "share", "not_a_claim"]
    assert [button.get("url") for button in buttons[2:4]] == ["http://reg/runs/1", "https://example.org/a"]
    assert [button["accessibility_label"] for button in buttons[:2]] == ["Reproduce: repro a", "Reproduce: repro b"]
    assert "(+1 button that a message has no room for" in shown(message)  # the link that is none


def test_who_shared_is_mentioned_only_by_a_real_id() -> None:
    assert {"type": "mrkdwn", "text": "Shared by <@UADA>"} in every_list(draw(Answer("t", "t"), shared_by="UADA"))
    assert "mrkdwn" not in json.dumps(draw(Answer("t", "t"), shared_by="UADA> <!channel").blocks)


def every_list(message: Message) -> list[dict[str, Any]]:
    return list(every(message.blocks))


@given(st.text(), st.integers(2, 400))
def test_cut_fits_and_counts(text: str, limit: int) -> None:
    kept = limits.cut(text, limit)
    assert limits.length(kept) <= limit
    if kept != text and "(+" in kept:
        missing = int(re.findall(r"\(\+([\d,]+) characters\)$", kept)[-1].replace(",", ""))
        assert missing == len(text) - len(kept[: kept.rindex("… (+")])

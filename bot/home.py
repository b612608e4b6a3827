"""The Home tab: every project with its best run, and the commands by their real names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot import limits, parts
from bot.command import UMBRELLA, Asked
from bot.desk import Desk, answer_to
from bot.parts import Block, Drawn
from registry.ask import questions
from trackrecord.answer import Answer, Chart, Code, Facts, Note, Table


def opened(desk: Desk, body: Mapping[str, Any]) -> None:
    """Show the tab to whoever opened it."""
    event = body["event"]
    if event.get("tab", "home") == "home":
        desk.slack.home(str(event["user"]), tab(desk, str(body.get("team_id") or ""), str(event["user"])))


def tab(desk: Desk, team: str, user: str) -> list[Block]:
    """The blocks of the tab: no tables and charts among them, which not every Slack takes there."""
    projects = answer_to(desk, Asked("projects", "", user, team))
    known = questions().values()
    sheet = Facts(tuple((f"{desk.prefix}{each.usage}", each.summary) for each in known))
    umbrella = f"/{UMBRELLA} best … works too, and so does @trackrecord best … where slash commands do not: in threads."
    drawn = [
        *_drawn(projects),
        Drawn((_header("What can be asked"),), 0),
        parts.facts(sheet),
        parts.note(Note(umbrella)),
    ]
    blocks: list[Block] = [_header("Projects"), *(block for one in drawn for block in one.blocks)]
    if desk.settings.public_url.startswith(("https://", "http://")):
        blocks.append(_page(desk.settings.base_url))
    return blocks[: limits.HOME_BLOCKS]


def _drawn(answer: Answer) -> list[Drawn]:
    drawn = [parts.note(Note(answer.text, answer.tone))]
    for part in answer.parts:
        match part:
            case Note():
                drawn.append(parts.note(part))
            case Facts():
                drawn.append(parts.facts(part))
            case Table():
                drawn.append(parts.facts(_by_row(part)))
            case Code():
                drawn.append(parts.code(part))
            case Chart():
                drawn.append(parts.note(Note(part.alt)))
    return drawn


def _by_row(table: Table) -> Facts:
    """A fact for every row, named by its first cell: a wide table wraps into nonsense here."""
    named = [(row[0], zip(table.columns[1:], row[1:], strict=True)) for row in table.rows]
    return Facts(
        tuple(
            (str(name), " · ".join(f"{column} {cell}" for column, cell in cells if cell not in (None, "")))
            for name, cells in named
        ),
        table.title,
    )


def _header(words: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": words, "emoji": False}}


def _page(url: str) -> Block:
    button = {
        "type": "button",
        "action_id": "link:0",
        "text": {"type": "plain_text", "text": "Open the web pages", "emoji": False},
        "url": url,
    }
    return {"type": "actions", "elements": [button]}

"""PURE: what came from Slack (a command, a mention, a button) -> which question, its words, and who asks where."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot import limits

UMBRELLA = "trackrecord"  # `/trackrecord best …` works whatever the short names are

_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "\u00a0": " "}
)
_ANGLE = re.compile(r"<([^<>]*)>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked in Slack. `question` is empty when only the bot's name was said."""

    question: str
    words: str
    user: str
    team: str
    channel: str = ""
    thread: str = ""  # the ts of the thread it was asked in, "" outside one


def from_command(payload: Mapping[str, Any], prefix: str, names: Mapping[str, str] | None = None) -> Asked:
    """Read a slash command: `/best milestone-1`, `/tr-best …` or `/trackrecord best …`."""
    typed = plain(str(payload.get("text") or ""), names)
    name = str(payload.get("command") or "").lstrip("/").casefold()
    question, words = _first(typed, prefix) if name == UMBRELLA else (name.removeprefix(prefix), typed)
    if question != "help" and words.casefold() == "help":
        question, words = "help", question
    return Asked(
        question=question,
        words=words,
        user=str(payload.get("user_id") or ""),
        team=str(payload.get("team_id") or ""),
        channel=str(payload.get("channel_id") or ""),
    )


def from_mention(event: Mapping[str, Any], team: str, prefix: str, names: Mapping[str, str] | None = None) -> Asked:
    """Read `@trackrecord best milestone-1`: what follows the first mention. In a direct message all of it counts."""
    text = str(event.get("text") or "")
    mention = _USER.search(text)
    said = text[mention.end() :] if mention and event.get("channel_type") != "im" else _USER.sub("", text, count=1)
    question, words = _first(plain(said, names).replace("`", ""), prefix)
    return Asked(
        question=question,
        words=words,
        user=str(event.get("user") or ""),
        team=team,
        channel=str(event.get("channel") or ""),
        thread=str(event.get("thread_ts") or ""),
    )


def from_button(payload: Mapping[str, Any], value: str) -> Asked | None:
    """Read a pressed button whose value `button_value` wrote; None when it is not one of ours."""
    try:
        asked = json.loads(value)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("q"), str) or not isinstance(asked.get("w"), str):
        return None
    container = payload.get("container") or {}
    message = payload.get("message") or {}
    return Asked(
        question=asked["q"],
        words=asked["w"],
        user=str((payload.get("user") or {}).get("id") or ""),
        team=str((payload.get("team") or {}).get("id") or (payload.get("user") or {}).get("team_id") or ""),
        channel=str((payload.get("channel") or {}).get("id") or container.get("channel_id") or ""),
        thread=str(container.get("thread_ts") or message.get("thread_ts") or ""),
    )


def button_value(question: str, words: str) -> str | None:
    """What a button carries so that pressing it asks; None when it does not fit into one."""
    value = json.dumps({"q": question, "w": words}, ensure_ascii=False, separators=(",", ":"))
    unfit = limits.length(value) > limits.VALUE or any("\ud800" <= letter <= "\udfff" for letter in value)
    return None if unfit else value


def mentioned(text: str) -> list[str]:
    """The ids of the users that a text names without saying their name: who reads it looks them up."""
    return [found for found in re.findall(r"<@([UW][A-Z0-9]+)>", text) if limits.is_user(found)]


def plain(text: str, names: Mapping[str, str] | None = None) -> str:
    """Slack's wire text as the person typed it: escapes undone, smart quotes straight. `names`: user id -> name."""
    known = names or {}
    text = _ANGLE.sub(lambda match: _angle(match.group(1), known), text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text.translate(_QUOTES).strip()


def _angle(inside: str, names: Mapping[str, str]) -> str:
    target, bar, label = inside.partition("|")
    if target.startswith("@"):
        return "@" + (label or names.get(target[1:], target[1:]))
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!"):
        return label if bar else "@" + target[1:]
    return label or target


def _first(text: str, prefix: str) -> tuple[str, str]:
    parts = text.split(None, 1)
    question = parts[0].lstrip("/").casefold() if parts else ""
    words = parts[1].strip() if len(parts) > 1 else ""
    if question == UMBRELLA:
        return _first(words, prefix)
    return question.removeprefix(prefix), words

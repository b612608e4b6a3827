"""What a pressed button does: ask on, share, send a script as a file, take back a claim's answer."""

from __future__ import annotations

from typing import Any

from bot.blocks import draw
from bot.command import Asked, from_button
from bot.deliver import DeliveryError
from bot.desk import Desk, answer_to
from bot.heard import not_a_claim
from bot.places import Instead, Later, Place, Posted, Whisper, answer_at, answer_whole
from trackrecord.answer import Answer, Code

# Where the bot cannot post by itself it still may answer the press, visible to the channel.
_NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "is_archived", "restricted_action"})


def pressed(desk: Desk, body: dict[str, Any]) -> Later | None:
    """Do what the button says. Buttons that open a page need nothing more."""
    action = (body.get("actions") or [{}])[0]
    name = str(action.get("action_id") or "")
    value = str(action.get("value") or "")
    if name == "not_a_claim":
        not_a_claim(desk, value)
        return None
    asked = from_button(body, value)
    if asked is None:
        return None
    url = str(body.get("response_url") or "")
    kind, _, number = name.partition(":")
    match kind:
        case "ask":
            return answer_at(desk, asked, _beside(desk, body, url))
        case "share":
            return _share(desk, asked, body, url)
        case "file":
            _send_file(desk, asked, int(number) if number.isdigit() else 0, url)
    return None


def _beside(desk: Desk, body: dict[str, Any], url: str) -> Place:
    """A private message turns into the next answer; beside a public one the answer is whispered."""
    if (body.get("container") or {}).get("is_ephemeral"):
        return Instead(desk.slack, url)
    return Whisper(desk.slack, url)


def _share(desk: Desk, asked: Asked, body: dict[str, Any], url: str) -> Later | None:
    """Ask again and post it for all; the private message goes away."""
    key = f"share/{asked.channel}/{body.get('trigger_id')}"
    try:
        later = answer_at(desk, asked, Posted(desk.slack, asked.channel, key, asked.thread), shared_by=asked.user)
    except DeliveryError as error:
        if error.error not in _NOT_THERE:
            raise
        later = None
        desk.slack.respond(url, answer_whole(desk, asked, shared_by=asked.user), in_channel=True)
    desk.slack.withdraw(url)
    return later


def _send_file(desk: Desk, asked: Asked, number: int, url: str) -> None:
    """Send a code part whole, as a file, into the direct messages of whoever pressed."""
    answer = answer_to(desk, asked)
    codes = [part for part in answer.parts if isinstance(part, Code)]
    if number >= len(codes):
        desk.slack.respond(url, draw(answer))
        return
    code = codes[number]
    comment = f"{code.filename} of {asked.question} {asked.words}".strip()
    channel = desk.slack.direct(asked.user)
    desk.slack.send_file(channel, code.text.encode(errors="replace"), filename=code.filename, comment=comment)
    said = f"{code.filename} is in your direct messages with trackrecord."
    desk.slack.respond(url, draw(Answer(title="", text=said, tone="good")))

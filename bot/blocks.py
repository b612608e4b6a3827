"""PURE: an answer -> a Slack message in Block Kit, inside every limit, with nothing in it that Slack would parse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from bot import limits, parts
from bot.command import button_value
from bot.parts import Block, Drawn
from trackrecord.answer import Answer, Chart, Code, Facts, FollowUp, Link, Note, Part, Table

Charts = Mapping[int, str | None]  # number of the chart in its answer -> Slack's file id; None: it could not be made
_MOST_BUTTONS = 2 * limits.BUTTONS


@dataclass(frozen=True, slots=True)
class Message:
    """What is handed to Slack. `text` is the whole answer as one escaped sentence; notifications read it."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Button:
    """A button: pressing it sends `action` and `value`, or opens `url`. `spoken` is what a screen reader says."""

    label: str
    action: str
    value: str = ""
    url: str = ""
    spoken: str = ""
    style: Literal["", "primary", "danger"] = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """The question that an answer answers: its buttons ask it again (Share, a script as file)."""

    question: str
    words: str


def draw(
    answer: Answer,
    *,
    charts: Charts | None = None,
    base_url: str = "",
    asking: Asking | None = None,
    share: bool = False,
    shared_by: str = "",
    buttons: Sequence[Button] = (),
) -> Message:
    """Draw an answer. A chart that `charts` does not name yet becomes the line "Chart follows"."""
    pressed, unfit = _buttons(answer, base_url, asking, share, buttons)
    first = _opening(answer)
    footer: list[Block] = []
    if limits.is_user(shared_by):
        footer.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"Shared by <@{shared_by}>"}]})
    actions = _actions(pressed)
    room = limits.BLOCKS - len(first.blocks) - len(footer) - len(actions) - 1  # 1: the line that says what was left out
    body, left_out = _within(_drawn(answer.parts, charts or {}), room, limits.MESSAGE_CHARS - first.weight)
    missing = [_count(left_out, "part of the answer", "parts of the answer"), _count(unfit, "button", "buttons")]
    said = " and ".join(count for count in missing if count)
    if said:
        footer.insert(0, parts.remark(f"(+{said} that a message has no room for; the web page has all of it)"))
    return Message(limits.sentence(answer.text or answer.title), [*first.blocks, *body, *footer, *actions])


def draw_charts(charts: Sequence[Chart], files: Charts) -> Message:
    """The charts of an answer as a message of their own, for where the answer cannot be renewed."""
    drawn = _drawn(charts, files)
    blocks, _ = _within(drawn, limits.BLOCKS, limits.MESSAGE_CHARS)
    return Message(limits.sentence(" ".join(chart.alt for chart in charts)), blocks)


def _opening(answer: Answer) -> Drawn:
    """The first block says what the fallback text says: notifications on a desktop read this one."""
    title = [parts.text(limits.line(answer.title), limits.TITLE, bold=True)] if answer.title.strip() else []
    gap: list[Block] = [{"type": "text", "text": "\n"}] if title else []
    said = [parts.text(answer.text)] if answer.text.strip() or not title else []
    pieces = [*parts.sign(answer.tone), *title, *(gap if said else []), *said]
    return Drawn((parts.rich(*pieces),), sum(len(piece.get("text", "")) for piece in pieces))


def _drawn(answer_parts: Sequence[Part], charts: Charts) -> list[Drawn]:
    drawn: list[Drawn] = []
    tables, pictures = 0, 0
    for part in answer_parts:
        if isinstance(part, Link):
            continue  # a button
        drawn.append(_part(part, tables, pictures, charts))
        tables += isinstance(part, Table) and bool(part.columns)
        pictures += isinstance(part, Chart)
    return drawn


def _part(part: Note | Facts | Table | Code | Chart, tables: int, pictures: int, charts: Charts) -> Drawn:
    match part:
        case Note():
            return parts.note(part)
        case Facts():
            return parts.facts(part)
        case Table():
            return parts.text_table(part) if tables else parts.table(part)
        case Code():
            return parts.code(part)
        case Chart():
            if pictures not in charts:
                return parts.waiting(part)
            file = charts[pictures]
            return parts.image(part, file) if file else parts.no_image(part)
        case _:
            assert_never(part)


def _within(drawn: Sequence[Drawn], blocks: int, weight: int) -> tuple[list[Block], int]:
    """The parts that fit into so many blocks and characters, and how many do not."""
    kept: list[Block] = []
    left_out = 0
    for one in drawn:
        if len(kept) + len(one.blocks) > blocks or one.weight > weight:
            left_out += 1
            continue
        kept += one.blocks
        weight -= one.weight
    return kept, left_out


def _buttons(
    answer: Answer, base_url: str, asking: Asking | None, share: bool, extra: Sequence[Button]
) -> tuple[list[Button], int]:
    """The buttons under a message in their order, and how many there is no room for."""
    wanted = [_follow_up(index, follow_up) for index, follow_up in enumerate(answer.follow_ups)]
    again = button_value(asking.question, asking.words) if asking else None
    if again:
        codes = [part for part in answer.parts if isinstance(part, Code)]
        wanted += [
            Button(f"{part.filename} as file", f"file:{index}", again, spoken=f"Send me {part.filename} as a file")
            for index, part in enumerate(codes)
            if parts.worth_a_file(part)
        ]
    links = [part for part in answer.parts if isinstance(part, Link)]
    wanted += [_link(index, link, base_url) for index, link in enumerate(links)]
    tail = list(extra)
    if share and again:
        tail.insert(0, Button("Share", "share", again, spoken="Share this answer with the channel", style="primary"))
    fit = [button for button in wanted if button is not None]
    kept = fit[: _MOST_BUTTONS - len(tail)]
    return kept + tail, len(wanted) - len(kept)


def _follow_up(index: int, follow_up: FollowUp) -> Button | None:
    value = button_value(follow_up.question, follow_up.words)
    if value is None:
        return None
    spoken = f"{follow_up.label}: {follow_up.question} {follow_up.words}"
    return Button(follow_up.label, f"ask:{index}", value, spoken=spoken)


def _link(index: int, link: Link, base_url: str) -> Button | None:
    url = base_url + link.url if link.url.startswith("/") else link.url
    if not url.startswith(("https://", "http://")) or limits.length(url) > limits.URL or url != limits.clean(url):
        return None
    return Button(link.text, f"link:{index}", url=url, spoken=f"Open {link.text}")


def _actions(buttons: Sequence[Button]) -> list[Block]:
    drawn: list[Block] = []
    spoken: set[str] = set()
    for button in buttons:
        element: dict[str, Any] = {
            "type": "button",
            "action_id": button.action,
            "text": {"type": "plain_text", "text": _label(button.label), "emoji": False},
            "accessibility_label": _distinct(button.spoken or button.label, spoken),
        }
        optional = {"value": button.value, "url": button.url, "style": button.style}
        drawn.append(element | {name: value for name, value in optional.items() if value})
    chunks = [drawn[start : start + limits.BUTTONS] for start in range(0, len(drawn), limits.BUTTONS)]
    return [{"type": "actions", "elements": chunk} for chunk in chunks]


def _label(text: str) -> str:
    return limits.cut(limits.line(text), limits.BUTTON)


def _distinct(text: str, taken: set[str]) -> str:
    label, number = _label(text), 1
    while label in taken:
        number += 1
        label = f"{limits.cut(limits.line(text), limits.BUTTON - 5)} {number}"
    taken.add(label)
    return label


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""

"""Where an answer goes: to one person through a response_url, or into a thread; and how it is renewed there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bot.blocks import Asking, Message, draw, draw_charts
from bot.command import Asked
from bot.deliver import Slack
from bot.desk import Desk, answer_to, pictures
from trackrecord.answer import Chart


class Place(Protocol):
    """`private`: one person sees it, so it may be shared. `renewable`: a second message can take the first's place."""

    @property
    def private(self) -> bool: ...

    @property
    def renewable(self) -> bool: ...

    def say(self, message: Message) -> None: ...

    def renew(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class Whisper:
    """Only the asker sees it. The charts come as a second message: what a response_url said first it cannot change."""

    slack: Slack
    response_url: str
    private: bool = True
    renewable: bool = False

    def say(self, message: Message) -> None:
        self.slack.respond(self.response_url, message)

    def renew(self, message: Message) -> None:
        self.slack.respond(self.response_url, message)


@dataclass(frozen=True, slots=True)
class Instead:
    """Only the asker sees it: it takes the place of their private message whose button was pressed."""

    slack: Slack
    response_url: str
    private: bool = True
    renewable: bool = True

    def say(self, message: Message) -> None:
        self.slack.respond(self.response_url, message, replace=True)

    def renew(self, message: Message) -> None:
        self.slack.respond(self.response_url, message, replace=True)


@dataclass(slots=True)
class Posted:
    """For all: in a channel, or in a thread of it."""

    slack: Slack
    channel: str
    key: str
    thread: str = ""
    private: bool = False
    renewable: bool = True
    ts: str = ""

    def say(self, message: Message) -> None:
        self.channel, self.ts = self.slack.post(self.channel, message, key=self.key, thread=self.thread)

    def renew(self, message: Message) -> None:
        self.slack.update(self.channel, self.ts, message)


Later = Callable[[], None]


def answer_at(desk: Desk, asked: Asked, place: Place, *, shared_by: str = "") -> Later | None:
    """Say the words at once; what is returned draws the charts and renews the message. Raises DeliveryError."""
    answer = answer_to(desk, asked)
    asking = Asking(asked.question or "help", asked.words)
    render = partial(draw, base_url=desk.settings.base_url, asking=asking, share=place.private, shared_by=shared_by)
    charts = tuple(part for part in answer.parts if isinstance(part, Chart))
    place.say(render(answer))
    if not charts:
        return None
    if place.renewable:
        return lambda: place.renew(render(answer, charts=pictures(desk, answer)))
    return lambda: place.renew(draw_charts(charts, pictures(desk, answer)))


def answer_whole(desk: Desk, asked: Asked, *, shared_by: str = "") -> Message:
    """The answer with its charts, for where it can be said only once."""
    answer = answer_to(desk, asked)
    asking = Asking(asked.question or "help", asked.words)
    ready = pictures(desk, answer)
    return draw(answer, charts=ready, base_url=desk.settings.base_url, asking=asking, shared_by=shared_by)

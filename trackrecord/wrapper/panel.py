"""PURE: draw the trace: a panel of at most ten lines for a terminal, the same as a table without one."""

from __future__ import annotations

import math
from collections.abc import Callable

from trackrecord import voice
from trackrecord.text import columns_of, fitted
from trackrecord.voice import Tone, clean
from trackrecord.wrapper.follow import Trace
from trackrecord.wrapper.rows import Row, rows

_MOST_METRICS = 3
_DULL = ("hardware", "params", "packages", "artifacts", "code")  # what goes first where there is no room
_LABELS = 11  # columns for a mark and a label
_MARKS = {"good": "✓", "warn": "!", "bad": "✗", "dim": "·", "plain": " ", "bold": " "}


def draw(trace: Trace, *, width: int, height: int, colour: bool, seconds: float, ended: bool) -> list[str]:
    """The panel's lines, none longer than `width`, at most `height` of them."""
    paint = voice.tinted if colour else _plain
    inner: list[Row] = []
    for metrics in range(_MOST_METRICS, 0, -1):
        inner = rows(trace, room=width - _LABELS - 3, metrics=metrics, seconds=seconds, ended=ended)
        if len(inner) < height:
            break
    for label in _DULL:
        if len(inner) >= height:
            inner = [row for row in inner if row.label != label]
    lines = [_head(trace, width, seconds, paint), *(_line(row, width, paint) for row in inner)]
    return lines[:height]


def _head(trace: Trace, width: int, seconds: float, paint: Callable[[str, Tone], str]) -> str:
    who = clean(f"{trace.name} of {trace.project}" if trace.name else trace.project)
    clock = _clock(seconds)
    room = max(1, width - len("── trackrecord ── ") - len(clock) - 5)
    who = fitted(who, room - 1)
    rule = "─" * (room - columns_of(who))
    return paint("── trackrecord ── ", "dim") + paint(who, "bold") + paint(f" {rule} {clock} ──", "dim")


def _line(row: Row, width: int, paint: Callable[[str, Tone], str]) -> str:
    mark = paint(_MARKS[row.tone], row.tone)
    text = fitted(clean(row.text), max(0, width - _LABELS - 3))
    label = paint(f"{row.label:<{_LABELS - 1}}", "dim")
    return f" {mark} {label} {paint(text, row.tone) if row.tone in ('warn', 'bad') else text}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.floor(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _plain(text: str, _: Tone) -> str:
    return text

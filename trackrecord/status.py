"""What is recorded on this machine and not wholly delivered yet, as an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from trackrecord import homes
from trackrecord.answer import Answer, Cell, Note, Part, Table
from trackrecord.batches import Batches
from trackrecord.config import Config
from trackrecord.folder import Folder
from trackrecord.standing import standing

_WORDS = {
    "running": "running",
    "ended": "ended, waits for sync",
    "killed": "killed, waits for sync",
    "preempted": "killed; its job may be started again",
    "elsewhere": "begun on another machine",
}


def look(told: Config) -> Answer:
    """Every run that is kept here: where it stands, and how much of it only this machine has."""
    rows = tuple(_row(each) for each in homes.pending(told.home))
    if not rows:
        return Answer("status", "Nothing is left on this machine: every run is delivered.", tone="good")
    runs = "1 run is" if len(rows) == 1 else f"{len(rows)} runs are"
    said = f"{runs} not wholly delivered from {told.home}."
    return Answer("status", said, tuple(_parts(rows, told)))


def _parts(rows: tuple[tuple[Cell, ...], ...], told: Config) -> Iterator[Part]:
    columns = ("Run", "Project", "State", "Began", "Only here")
    yield Table(columns, rows, align=("left", "left", "left", "right", "right"))
    if any("waits" in str(row[2]) for row in rows):
        yield Note("`trackrecord sync` delivers what has ended; `trackrecord sync --watch` goes on doing so.")
    if any(row[2] == _WORDS["preempted"] for row in rows):
        yield Note(
            "A killed run of a job is closed a day after its last sign; `trackrecord sync --gone RUN` does it now."
        )
    if told.url is None:
        yield Note("No registry is configured: `trackrecord login ADDRESS`.", "warn")


def _row(place: Folder) -> tuple[Cell, ...]:
    try:
        report = json.loads(place.report)
        waiting = Batches(place).waiting()
        files = sum(path.stat().st_size for path in place.artifacts.iterdir() if len(path.name) == 64)
        began = time.time() - report["started_ms"] / 1000
        return report["name"], report["project"], _WORDS[standing(place)], _ago(began), _size(waiting + files)
    except (OSError, ValueError, KeyError) as problem:
        return place.run_id, None, f"cannot be read ({problem})", None, None


def _ago(seconds: float) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"

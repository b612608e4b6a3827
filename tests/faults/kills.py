"""Scripts that log as fast as they can, killed at random points, and what must be left of them."""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.place import Arrived, Place
from trackrecord import journal

FOREVER = 10**9


@dataclass(frozen=True, slots=True)
class Killed:
    """One that was killed. `accepted`: the steps that log() had returned True for; `ending`: 0 before finish(), 1
    inside of it, 2 after it.
    """

    run_id: str
    accepted: int
    ending: int
    moment: str


def kill(place: Place, number: int, lots: random.Random) -> Killed:
    """Start a script, and kill its whole group at a random point of the chosen moment of its life."""
    moment = lots.choices(("start", "log", "upload", "finish"), (2, 4, 4, 3))[0]
    file = place.folder / f"shared-{number}"
    file.write_bytes(bytes(64))
    mode = {"TRACKRECORD_MODE": "offline"} if moment == "log" and lots.random() < 0.7 else {}
    most = lots.randrange(1, 400) if moment == "finish" else FOREVER
    wait = lots.uniform(0.0, {"start": 0.6, "log": 0.06, "upload": 0.15, "finish": 0.12}[moment])
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as shared:
        with place.start("fast.py", file, most, **mode) as process:
            at = {"start": None, "log": 0, "upload": 0, "finish": 1}[moment]
            while at is not None and not _noted(shared, at) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(wait)
            with suppress(ProcessLookupError):  # it was through before
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        return Killed(shared[:26].rstrip(b"\0").decode(), _noted(shared, 0), _noted(shared, 1), moment)


def _noted(shared: mmap.mmap, what: int) -> int:
    return int(struct.unpack_from("<q", shared, 32 + 8 * what)[0])


@dataclass(slots=True)
class Counts:
    """What is reported of many kills."""

    kills: int = 0
    runs: int = 0
    accepted: int = 0
    records: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    finished: int = 0

    def look_here(self, path: Path) -> None:
        """A torn tail is bytes after the last whole frame of a journal."""
        for each in path.glob("*.journal"):
            end = max((after for after, _ in journal.frames(each)), default=0)
            self.torn += each.stat().st_size > end

    def add(self, killed: Killed, arrived: Arrived | None) -> None:
        """Count a run; raises AssertionError where anything of it is not as it must be."""
        self.kills += 1
        if arrived is None:
            assert killed.accepted == 0, f"{killed} never arrived"
            return
        steps = arrived.steps()
        self.runs += 1
        self.accepted += killed.accepted
        self.records += len(steps)
        self.lost += max(0, killed.accepted - len(set(steps)))
        self.doubled += len(steps) - len(set(steps))
        self.finished += arrived.run.state == "finished"
        # One more may be there: killed between the write and the note of it.
        assert len(steps) in (killed.accepted, killed.accepted + 1), killed
        assert steps == list(range(len(steps))), killed
        for metric, value in (("loss", lambda step: step / 7), ("accuracy", float)):
            if steps:
                assert arrived.points[metric][2] == [value(step) for step in steps], killed
        assert arrived.whole, killed
        assert arrived.finish["dropped"] == 0, killed
        allowed = {0: ("killed",), 1: ("killed", "finished"), 2: ("finished",)}[killed.ending]
        assert arrived.run.state in allowed, killed

    def __str__(self) -> str:
        return (
            f"{self.kills:,} kills, {self.runs:,} runs at the registry ({self.finished:,} had finished), "
            f"{self.accepted:,} records accepted, {self.records:,} at the registry, {self.lost} lost, "
            f"{self.doubled} doubled, {self.torn} torn tails"
        )

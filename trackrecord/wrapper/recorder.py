"""The run of a script that makes none itself: looked at when the command starts, opened when there is something to
record, in a thread of its own so that the command's output never waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from trackrecord import capture, config, journal, opening
from trackrecord.capture import console
from trackrecord.opening import Started
from trackrecord.params import plain
from trackrecord.recording import Run
from trackrecord.report import EndState
from trackrecord.voice import say, shown
from trackrecord.wrapper import entry, flags
from trackrecord.wrapper.printed import Printed
from trackrecord.wrapper.told import Told

_FOLLOWED_S = 2.0
READ = "its numbers were read from what the script printed"
NOTHING_READ = (
    "no numbers were read in what the script printed: a line that says nothing but `step=3 loss=0.31` is, or log them "
    "with trackrecord.run()"
)


class Recorder(threading.Thread):
    """Asked by the loop, in order: `open`, `log`, `give_way`, `end`. What goes wrong is said once."""

    def __init__(self, words: Sequence[str], told: Told, scratch: Path) -> None:
        super().__init__(name="trackrecord-recorder", daemon=True)
        self.report: dict[str, Any] = {}  # fields of a RunReport that are known before there is a run
        self.project = told.project or Path.cwd().name
        self.started: Started | None = None
        self.done = threading.Event()
        self.followed = threading.Event()  # the trace reads the run: a short one would be delivered and gone before
        self.asked = False  # there is a run of ours, or there will be
        self._words, self._told = list(words), told
        self._began_ms = time.time_ns() // 1_000_000
        self._asked: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._run: Run | None = None
        self._read = False
        self._console = scratch / "console.txt"

    def open(self) -> None:
        """Begin the run, if it has not begun."""
        self.asked = True
        self._asked.put((self._open,))

    def log(self, printed: Printed) -> None:
        """Record what a line said."""
        self.asked = True
        self._asked.put((self._log, printed))

    def give_way(self, name: str) -> None:
        """The script made a run itself, called `name`: that is the run."""
        self._asked.put((self._give_way, name))

    def end(self, state: EndState, error: str | None, printed: bytes) -> None:
        """End the run, with what the command printed last, and deliver it; `done` is set then."""
        self._asked.put((self._end, state, error, printed))

    def run(self) -> None:
        """Look, then do what is asked, until the end."""
        try:
            self._seen = self._look()
            while not self.done.is_set():
                what, *about = self._asked.get()
                what(*about)
        except Exception as problem:  # noqa: BLE001 - the command goes on, whatever becomes of its record
            say(f"the command is not recorded ({type(problem).__name__}: {shown(problem)})", "warn")
            self.done.set()

    def _look(self) -> capture.Seen:
        found = entry.find(self._words)
        self._params = flags.params(entry.flags(self._words, found))
        given, _ = plain(self._params)
        seen = capture.look(given, config.home(), entry.command(self._words, found))
        seen.began_ms = self._began_ms
        if self._told.project is None:
            self.project = opening.nearest_name((seen.top or Path.cwd()).name)
        self.report = {
            "code": asdict(seen.code),
            "environment": asdict(seen.environment),
            "params": given,
            "seeds": seen.seeds,
        }
        return seen

    def _open(self) -> None:
        if self._run is None:
            started = opening.begin(self.project, self._params, self._seen)
            # What this process itself prints is not what the command prints.
            self._keeps_console, started.console = started.console, False
            self._run, self.started = Run(started), started
            for name, path in self._told.datasets:
                self._run.dataset(name, path)

    def _log(self, printed: Printed) -> None:
        self._open()
        assert self._run is not None
        if not self._read:
            self._read = True
            self._note(READ)
        self._run.log(printed.values, step=printed.step)

    def _give_way(self, name: str) -> None:
        if self._run is not None:
            self._note(f"the script made a run itself: {name} is the run of this command")
            self._run.finish()
        if self._told.datasets or self._told.artifacts:
            say(f"--dataset and --artifact are not used: {name} is the script's own run and names its own", "warn")
        self.done.set()

    def _end(self, state: EndState, error: str | None, printed: bytes) -> None:
        self._open()
        assert self._run is not None
        if not self._read:
            self._note(NOTHING_READ)
        for path in self._told.artifacts:
            self._run.artifact(path)
        if printed and self._keeps_console:
            self._console.write_bytes(console.cleaned(printed))
            self._run.artifact(self._console, name="console.txt")
        self.followed.wait(_FOLLOWED_S)
        self._run.finish(state, error)
        self.done.set()

    def _note(self, text: str) -> None:
        if self.started is not None and self.started.journal is not None:
            self.started.journal.append([journal.NOTE, text])

"""One command from its start to its end: its output through, its numbers read, its runs followed, the trace shown."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

from trackrecord.folder import Folder
from trackrecord.opening import WATCH
from trackrecord.voice import colours, say, shown
from trackrecord.wrapper import ending, panel, screen
from trackrecord.wrapper.child import Channel, Child
from trackrecord.wrapper.follow import Follower, Trace
from trackrecord.wrapper.lines import Lines
from trackrecord.wrapper.printed import Reader
from trackrecord.wrapper.recorder import Recorder
from trackrecord.wrapper.screen import Screen
from trackrecord.wrapper.tail import Tail
from trackrecord.wrapper.told import Told

_TICK_S = 0.125  # between two looks at the panel
_LOOK_S = 0.5  # between two looks at what is recorded
_OWN_RUN_S = 30.0  # so long a script has time to make a run itself
_GIVE_WAY_S = 12.0  # for the end of a run of ours that is none after all
_SEAL_S = 3.0  # after Ctrl-C: until the end of our run is written down
_QUIET_S, _DRAIN_S = 0.2, 2.0  # the output of a child that has ended: until nothing comes, at most so long
_ENDS = bytes((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


class Session:
    """Everything about one command. The output is what matters: whatever else fails is left out."""

    def __init__(self, words: Sequence[str], told: Told, watch: Path) -> None:
        """Start the command. Raises TrackrecordError where that cannot be, OSError where `watch` takes nothing."""
        self.watch = watch
        self._tail = Tail(watch / "console")  # before the command: nothing after its start may fail
        self.child = Child(words, {**os.environ, WATCH: str(watch)})
        self.began = time.monotonic()
        self.recorder = Recorder(words, told, watch)
        self.follower: Follower | None = None
        self.own = True  # the run, if there is one, is ours and not the script's
        self._files: set[str] = set()
        self._watched = 0  # when the folder changed in which scripts say which runs they made
        self._lines = {channel.source: (Lines(), Reader()) for channel in self.child.channels}
        self._ticked = self._looked = 0.0
        self._broken = False
        self._shared = screen.channel_for_panel(self.child.channels)
        self.screen = Screen(self._shared.target, self._wake) if self._shared else None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.child.heard, selectors.EVENT_READ)
        for channel in self.child.channels:
            self._selector.register(channel.source, selectors.EVENT_READ, channel)

    def run(self) -> int:
        """Until the command has ended and its record is delivered or kept. Returns what `os.wait` said."""
        if self.screen:
            sys.stderr = cast(TextIO, self.screen)
        self.recorder.start()
        while not self.child.ended():
            self._once(self._pause())
        self._drain()
        self._guarded(self._finish)
        self._guarded(self._last_words)
        assert self.child.status is not None
        return self.child.status

    def _once(self, pause: float) -> int:
        """Wait so long at most, and do what there is to do. Returns the number of channels that had something."""
        events = self._selector.select(pause)
        busy = 0
        for key, _ in events:
            if key.data is not None:
                busy += 1
                self._pass(key.data)
        self._react(self.child.heard_signals())
        self._guarded(self._tick)
        return busy

    def _pause(self) -> float:
        due = self.screen.due() if self.screen else None
        return min(_TICK_S if self.screen else _LOOK_S, _LOOK_S if due is None else due)

    def _pass(self, channel: Channel) -> None:
        piece = channel.read()
        through = bool(piece) and (
            self.screen.output(piece) if self.screen and channel is self._shared else channel.write(piece)
        )
        if not through:  # it ended, or nobody reads it any more: then the child is told in the same way
            self._selector.unregister(channel.source)
            channel.close()
        self._guarded(self._tail.add, piece)
        self._guarded(self._read, channel.source, piece)
        if self.own and os.stat(self.watch).st_mtime_ns != self._watched:  # a quick script is over in no time
            self._watched = os.stat(self.watch).st_mtime_ns
            self._guarded(self._find_runs)

    def _read(self, source: int, piece: bytes) -> None:
        """Read the numbers of the lines that are complete."""
        lines, reader = self._lines[source]
        for line in lines.feed(piece) if piece else lines.end():
            found = reader.read(line)
            if found is not None and self.own:
                if not self.recorder.asked:
                    self._find_runs()
                if self.own:
                    self.recorder.log(found)

    def _react(self, numbers: bytes) -> None:
        if signal.SIGWINCH in numbers:
            if self.screen:
                self.screen.resized()
            self.child.resize()
        if signal.SIGTSTP in numbers:
            if self.screen:
                self.screen.away()
            self.child.stop_with_it()
            if self.screen:
                self.screen.back()
        if numbers:
            self._ticked = 0.0

    def _tick(self) -> None:
        now = time.monotonic()
        if self.screen:
            due = self.screen.due()
            if due is not None and due <= 0:
                self.screen.flush_output()
            self.screen.speak()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._find_runs()
            if self.own and now - self.began > _OWN_RUN_S:
                self.recorder.open()
            if self.follower:
                self.follower.look()
        if self.screen and not self.screen.lost and now - self._ticked >= _TICK_S:
            self._ticked = now
            self.screen.show(self._panel(ended=False))

    def _find_runs(self) -> None:
        """The runs that the script made itself; else our own, once it is open."""
        for path in sorted(self.watch.glob("*.json")):
            if path.name not in self._files:
                self._files.add(path.name)
                with suppress(OSError, ValueError, KeyError):
                    told = json.loads(path.read_text(encoding="utf-8"))
                    self._follow(told["folder"], told["name"], told["project"], told.get("url"))
                    if self.own:
                        self.own = False
                        self.recorder.give_way(str(told["name"]))
        started = self.recorder.started
        if self.own and self.follower is None and started is not None and started.folder is not None:
            self._follow(started.folder.path, started.name, started.project, started.url)
            self.recorder.followed.set()

    def _follow(self, folder: Any, name: str, project: str, url: str | None) -> None:
        if self.follower:
            self.follower.close()
        self.follower = Follower(Folder(Path(folder)), name, project, url)
        self.follower.look()

    def _drain(self) -> None:
        """What the child left in its pipes. A process that it left behind may hold them open: nobody waits for that."""
        until, quiet = time.monotonic() + _DRAIN_S, time.monotonic() + _QUIET_S
        while len(self._selector.get_map()) > 1 and time.monotonic() < min(until, quiet):
            if self._once(0.02):
                quiet = time.monotonic() + _QUIET_S

    def _finish(self) -> None:
        """The end of our own run, if it is needed, while the panel goes on. Ctrl-C ends the wait for the delivery."""
        for source in list(self._lines):
            self._read(source, b"")
        self._find_runs()
        if not self.own:
            self.recorder.done.wait(_GIVE_WAY_S if self.recorder.asked else 0)
            return
        assert self.child.status is not None
        tail = self._tail.content()
        last = tail.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        state, error = ending.of_status(self.child.status, last)
        self.recorder.end(state, error, tail)
        interrupted = self._looked = 0.0
        while not self.recorder.done.is_set():
            self._selector.select(0.05)
            if any(number in _ENDS for number in self.child.heard_signals()):
                interrupted = interrupted or time.monotonic()
            sealed = self.follower is not None and self.follower.trace.state
            if interrupted and (sealed or time.monotonic() - interrupted > _SEAL_S):
                return
            self._guarded(self._tick)

    def _last_words(self) -> None:
        self._find_runs()
        if self.follower:
            self.follower.look()
        table = self._panel(ended=True)
        if self.screen:
            self.screen.leave_line(table)
        else:
            sys.stderr.write("".join(f"{line}\n" for line in table))
            sys.stderr.flush()

    def _panel(self, *, ended: bool) -> list[str]:
        width = self.screen.size()[0] - 1 if self.screen else screen.width_of_table()
        height = 100 if ended else self.screen.room if self.screen else 0
        trace = self.follower.trace if self.follower else Trace(project=self.recorder.project)
        if self.follower is None:
            trace.report = self.recorder.report
        return panel.draw(
            trace,
            width=width,
            height=height,
            colour=colours(sys.stderr),
            seconds=time.monotonic() - self.began,
            ended=ended,
        )

    def _wake(self) -> None:
        with suppress(OSError, ValueError):
            signal.raise_signal(signal.SIGCHLD)

    def _guarded(self, what: Any, *about: Any) -> None:
        """What is not the output itself may fail: it is said once."""
        try:
            what(*about)
        except Exception as problem:  # noqa: BLE001 - the command's output goes on, whatever becomes of its trace
            if not self._broken:
                self._broken = True
                say(f"the trace is not whole ({type(problem).__name__}: {shown(problem)})", "warn")

"""From a run's folder to the registry: idempotent, out of the training thread, patient with a server that is down."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from trackrecord.batches import Batches
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.folder import Folder
from trackrecord.progress import Line, Sending
from trackrecord.voice import say

_EVERY_S = 2.0  # between batches
_BEAT_S = 300.0  # without anything to send, an empty batch says that the run lives
_BESIDE_S = 60.0  # while a file is being sent
_LONGEST_WAIT_S = 60.0
_LAST_LOOK_S = 1.0  # what a delivered run waits for a look at the log that is under way
_lots = random.Random()  # noqa: S311 - no secret; our own, because the script's generator is part of its experiment


class Registry(Protocol):
    """What this room needs of `trackrecord.client.Client`."""

    def ask(self, method: str, path: str, body: bytes | None = None, *, seconds: float = 30.0) -> Any: ...
    def has(self, digest: str) -> bool: ...
    def put(self, digest: str, path: Path, sent: Callable[[int], None] | None = None) -> None: ...


def deliver(
    folder: Folder, batches: Batches, registry: Registry, sending: Callable[[Sending], None] = lambda _: None
) -> bool:
    """Send whatever is owed, in order. True: the run has ended and everything has arrived.

    `sending` hears how far the files are, often. Raises TrackrecordError where it cannot go on; the next call takes up
    from there.
    """
    base = f"/api/v1/runs/{folder.run_id}"
    # Looked at first: a run that is sealed has all its batches cut, one that is sealed meanwhile perhaps not yet.
    finish = folder.finish
    if not batches.run_sent:
        opened = registry.ask("PUT", base, folder.report)
        batches.confirm(None)
        _say_earlier(opened)
    send_batches(batches, registry)
    _artifacts(folder, registry, sending)
    if finish is None:
        return False
    registry.ask("PUT", f"{base}/finish", finish)
    return True


def send_batches(batches: Batches, registry: Registry) -> None:
    """Those that are owed by now. Raises TrackrecordError, as `deliver`."""
    for writer, sequence, body in batches.owed():
        registry.ask("PUT", f"/api/v1/runs/{batches.folder.run_id}/batches/{writer}/{sequence}", body)
        batches.confirm(writer, sequence)


def _say_earlier(opened: Any) -> None:
    """One line where the registry knows a run of the same code, parameters and seeds; once, when it hears of this one.

    Nothing is said where the answer has another form: the registry may be older or newer than this client.
    """
    same = opened.get("earlier") if isinstance(opened, dict) else None
    if isinstance(same, dict):
        said = ", ".join(str(same.get(what)) for what in ("ago", "value", "verdict"))
        say(f"the same code, parameters and seed ran as {same.get('name')} ({said})")


def _artifacts(folder: Folder, registry: Registry, sending: Callable[[Sending], None]) -> None:
    """Files by digest. One that was changed since, or refused as too large, must not hold up the others."""
    owed = [path for path in sorted(folder.artifacts.iterdir()) if len(path.name.removesuffix(".path")) == 64]
    sources = [path if path.suffix != ".path" else Path(os.fsdecode(path.read_bytes())) for path in owed]
    sizes = [_size(source) for source in sources]
    total = sum(sizes)
    before = accumulate(sizes, initial=0)
    for number, (path, source, done) in enumerate(zip(owed, sources, before, strict=False), 1):
        digest = path.name.removesuffix(".path")
        at = Sending(digest, number, len(owed), done, total)
        sending(at)
        try:
            if not registry.has(digest):
                registry.put(digest, source, partial(_sent, sending, at))
        except OSError:
            pass  # it was never copied and is gone: the registry will say that it lacks it
        except TrackrecordError as problem:
            if problem.status not in {413, 422}:
                raise
        path.unlink(missing_ok=True)


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError:
        return 0


def _sent(sending: Callable[[Sending], None], at: Sending, count: int) -> None:
    sending(at._replace(done=at.done + count))


class Uploader(threading.Thread):
    """Delivers one run in the background of its process. A daemon: it never keeps a process alive.

    It owns the folder's lock (`lock`, a descriptor) and lets it go when it ends.
    """

    def __init__(self, folder: Folder, batches: Batches, config: Config, lock: int | None) -> None:
        super().__init__(name="trackrecord-upload", daemon=True)
        self.folder, self.batches = folder, batches
        self.trouble: TrackrecordError | None = None  # why it does not get on at the moment
        self.registry: Any = None  # the Client, once it could be made
        self.tries = 0
        self.done = threading.Event()  # everything arrived, or it has given up
        self.delivered = False
        self.left = False  # whoever watched the upload at its end did not want to wait for it
        self.sending: Sending | None = None  # how far the files are, while some are being sent
        self._config, self._lock = config, lock
        self._wake, self._ended, self._sent_at = threading.Event(), False, 0.0

    def finish(self, seconds: float) -> bool:
        """The run has ended and is sealed: wait until everything arrived, so long at most. False: it did not.

        On a terminal a line shows how far it is, and the wait goes on for as long as bytes move, or until Ctrl-C.
        """
        before, until = self.tries, time.monotonic() + seconds
        self._ended = True
        self._wake.set()
        with Line(sys.stderr) as line:
            try:
                while not self.done.wait(0.02) and time.monotonic() < max(until, line.moved + seconds):
                    line.show(self.sending)
                    if self.tries > before + 1 and self.trouble is not None and not self.trouble.passing:
                        break
            except KeyboardInterrupt:
                if not line.standing:
                    raise  # not for us: nobody was told that it leaves the upload
                self.left = True
        return self.delivered

    def run(self) -> None:
        """Cut, send, wait; again after a failure that passes, later and later."""
        try:
            self._work()
        except TrackrecordError as problem:
            self.trouble = problem
        except Exception as problem:  # noqa: BLE001 - a guest in somebody's training: its thread must not print a trace
            self.trouble = TrackrecordError(f"The upload stopped ({type(problem).__name__}: {problem}).")
        if self.delivered:
            self.folder.remove()
        if self._lock is not None:
            os.close(self._lock)
        self.done.set()

    def _note(self, sending: Sending) -> None:
        """A file is on its way, perhaps for an hour: what is logged goes beside it, or the run would seem silent."""
        self.sending = sending
        if time.monotonic() - self._sent_at > _BESIDE_S:
            self._sent_at = time.monotonic()
            with suppress(TrackrecordError, OSError):  # the next round says what is wrong
                self.batches.cut(beat=True)
                send_batches(self.batches, self.registry)

    def _work(self) -> None:
        # Imported here: urllib3 must not slow `import trackrecord`, and this is the thread that needs it.
        from trackrecord.client import Client  # noqa: PLC0415
        from trackrecord.witness import warn  # noqa: PLC0415

        self.registry = Client(self._config)
        looking: threading.Thread | None = None
        failures, heard, confirmed = 0, time.monotonic(), -1
        while not self.delivered:
            ended = self._ended
            if self.batches.confirmed != confirmed:
                heard, confirmed = time.monotonic(), self.batches.confirmed
            try:
                self._sent_at = time.monotonic()
                self.batches.cut(beat=self._sent_at - heard > _BEAT_S)
                self.delivered = deliver(self.folder, self.batches, self.registry, self._note)
                failures, self.trouble = 0, None
                if looking is None:
                    # Once in a run, beside the delivery: whether the log still has what this machine saw in it.
                    looking = threading.Thread(target=warn, args=(self._config.home, self.registry), daemon=True)
                    looking.start()
                if self.delivered:
                    looking.join(_LAST_LOOK_S)
            except TrackrecordError as problem:
                failures, self.trouble = failures + 1, problem
                if ended and not problem.passing:
                    return
            except OSError as problem:
                failures, self.trouble = failures + 1, TrackrecordError(f"The journal cannot be kept ({problem}).")
            self.sending = None
            self.tries += 1
            if not self.delivered and self._wake.wait(_pause(failures)):
                self._wake.clear()
                failures = 0  # the end of the run: its few seconds are not spent on waiting


def _pause(failures: int) -> float:
    """Seconds until the next try: spread, so that a hundred runs do not come back to a server at once."""
    if not failures:
        return _EVERY_S
    return min(_LONGEST_WAIT_S, 0.5 * 2.0 ** min(failures, 10)) * _lots.uniform(0.5, 1.0)

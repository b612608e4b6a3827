"""From a run's folder to the registry: idempotent, out of the training thread, patient with a server that is down."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from trackrecord.batches import Batches
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.folder import Folder
from trackrecord.voice import say

_EVERY_S = 2.0  # between batches
_BEAT_S = 300.0  # without anything to send, an empty batch says that the run lives
_LONGEST_WAIT_S = 60.0
_LAST_LOOK_S = 1.0  # what a delivered run waits for a look at the log that is under way
_lots = random.Random()  # noqa: S311 - no secret; our own, because the script's generator is part of its experiment


class Registry(Protocol):
    """What this room needs of `trackrecord.client.Client`."""

    def ask(self, method: str, path: str, body: bytes | None = None, *, seconds: float = 30.0) -> Any: ...
    def has(self, digest: str) -> bool: ...
    def put(self, digest: str, path: Path) -> None: ...


def deliver(folder: Folder, batches: Batches, registry: Registry) -> bool:
    """Send whatever is owed, in order. True: the run has ended and everything has arrived.

    Raises TrackrecordError where it cannot go on; the next call takes up from there.
    """
    base = f"/api/v1/runs/{folder.run_id}"
    # Looked at first: a run that is sealed has all its batches cut, one that is sealed meanwhile perhaps not yet.
    finish = folder.finish
    if not batches.run_sent:
        opened = registry.ask("PUT", base, folder.report)
        batches.confirm(None)
        _say_earlier(opened)
    for writer, sequence, body in batches.owed():
        registry.ask("PUT", f"{base}/batches/{writer}/{sequence}", body)
        batches.confirm(writer, sequence)
    _artifacts(folder, registry)
    if finish is None:
        return False
    registry.ask("PUT", f"{base}/finish", finish)
    return True


def _say_earlier(opened: Any) -> None:
    """One line where the registry knows a run of the same code, parameters and seeds; once, when it hears of this one.

    Nothing is said where the answer has another form: the registry may be older or newer than this client.
    """
    same = opened.get("earlier") if isinstance(opened, dict) else None
    if isinstance(same, dict):
        said = ", ".join(str(same.get(what)) for what in ("ago", "value", "verdict"))
        say(f"the same code, parameters and seed ran as {same.get('name')} ({said})")


def _artifacts(folder: Folder, registry: Registry) -> None:
    """Files by digest. One that was changed since, or refused as too large, must not hold up the others."""
    for path in sorted(folder.artifacts.iterdir()):
        digest = path.name.removesuffix(".path")
        if len(digest) != 64:
            continue
        source = path if path.suffix != ".path" else Path(path.read_text(encoding="utf-8"))
        try:
            if not registry.has(digest):
                registry.put(digest, source)
        except OSError:
            pass  # it was never copied and is gone: the registry will say that it lacks it
        except TrackrecordError as problem:
            if problem.status not in {413, 422}:
                raise
        path.unlink(missing_ok=True)


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
        self._config, self._lock = config, lock
        self._wake, self._ended = threading.Event(), False

    def finish(self, seconds: float) -> bool:
        """The run has ended and is sealed: wait until everything arrived, so long at most. False: it did not."""
        before, until = self.tries, time.monotonic() + seconds
        self._ended = True
        self._wake.set()
        while not self.done.wait(0.02) and time.monotonic() < until:
            if self.tries > before + 1 and self.trouble is not None and not self.trouble.passing:
                break
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
                self.batches.cut(beat=time.monotonic() - heard > _BEAT_S)
                self.delivered = deliver(self.folder, self.batches, self.registry)
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
            self.tries += 1
            if not self.delivered and self._wake.wait(_pause(failures)):
                self._wake.clear()
                failures = 0  # the end of the run: its few seconds are not spent on waiting


def _pause(failures: int) -> float:
    """Seconds until the next try: spread, so that a hundred runs do not come back to a server at once."""
    if not failures:
        return _EVERY_S
    return min(_LONGEST_WAIT_S, 0.5 * 2.0 ** min(failures, 10)) * _lots.uniform(0.5, 1.0)

"""`with trackrecord.run("milestone-1", params=…) as run`: a guest in training that warns and never breaks it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trackrecord import endings, files, journal, opening, params, points, predictions, redact
from trackrecord.capture import data as contents
from trackrecord.capture import seeds
from trackrecord.journal import Journal
from trackrecord.opening import Started
from trackrecord.voice import say, shown

_METRICS_OF_A_FRAME = 1000


def run(project: str, params: object = None) -> Run:
    """Start a run of a project and return it; it never raises.

    `params`: every hyperparameter, as nested dictionaries, a dataclass, an argparse.Namespace or the like. Use it with
    `with`, or call `finish()` at the end.
    """
    started = opening.begin(project, params)
    return Run(started)


class Run:
    """A run that is being recorded. `id`, `name` and `url` are its own; nothing in here raises.

    Without a place to keep anything (`TRACKRECORD_DISABLED=1`, another rank) every method does nothing.
    """

    def __init__(self, started: Started) -> None:
        self.project, self.id, self.name, self.url = started.project, started.run_id, started.name, started.url
        self._started = started
        self._journal: Journal | None = started.journal
        self._names = points.Names()
        self._step = -1
        self._said: set[str] = set()
        self._reading: list[threading.Thread] = []
        self._over = started.journal is None
        self._owner = os.getpid()
        self._raised_before = _last_raised()
        if not self._over:
            atexit.register(self._at_exit)

    def log(self, values: Mapping[str, Any], step: int | None = None) -> bool:
        """Record numbers of one step; takes microseconds. True: they are with the kernel and survive kill -9.

        Without `step` every call is the next one. NaN and infinities are recorded as such.
        """
        try:
            return self._log(values, step)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            return self._complain("log", f"log() could not keep a call ({type(problem).__name__}: {shown(problem)})")

    def dataset(
        self, name: str, path: str | os.PathLike[str] | None = None, *, data: Any = None, split: str | None = None
    ) -> None:
        """Declare input data by all of its content: a file, a folder, or `data` in memory (bytes, arrays, tables).

        A path is read in the background; `finish` waits for it.
        """
        try:
            target = self._own_journal()
            if target is None:
                return
            if path is None:
                self._declare(target, name, split, lambda: contents.of_value(data))
                return
            place = Path(path).absolute()
            digests = contents.Digests(self._started.home / "digests.json")
            reading = threading.Thread(
                target=self._declare,
                args=(target, name, split, lambda: contents.of_path(place, digests)),
                name="trackrecord-dataset",
                daemon=True,
            )
            reading.start()
            self._reading.append(reading)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            self._complain(
                f"dataset {shown(name)}",
                f"the dataset {shown(name)} is not recorded ({type(problem).__name__}: {shown(problem)})",
            )

    def artifact(self, path: str | os.PathLike[str], name: str | None = None, step: int | None = None) -> None:
        """Record a file (or every file of a folder) as it is now; it is copied, and uploaded in the background."""
        try:
            target = self._own_journal()
            folder = self._started.folder
            if target is None or folder is None:
                return
            for each in files.take(folder, Path(path), name, None if step is None else points.whole(step)):
                target.append([journal.ARTIFACT, each], 1)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            self._complain(
                f"artifact {shown(path)}",
                f"the artifact {shown(path)} is not recorded ({type(problem).__name__}: {shown(problem)})",
            )

    def predictions(self, source: Any, metric: str, step: int | None = None) -> None:
        """Hand in what the model predicted: where the project has labels, the registry computes the metric itself.

        `source`: a file (.csv, .npz, .arrow, .feather), or a mapping of columns, a table, an array or a list. Columns:
        `prediction` (a class or a number), or `probability` of the positive class, or one `class:NAME` for each class
        (or `probabilities`, n x k, with `classes`); and `id`, else rows are matched by position. `step` is the one of
        the metric that they belong to; left out, it is the one that counts.

            run.log({"test/accuracy": accuracy}, step=step)
            run.predictions({"id": ids, "prediction": model.predict(images)}, metric="test/accuracy", step=step)
        """
        try:
            target, folder = self._own_journal(), self._started.folder
            if target is None or folder is None:
                return
            at = None if step is None else points.whole(step)
            if step is not None and at is None:
                raise ValueError(f"{shown(step)[:40]} is no step")
            artifact, declared = predictions.take(folder, source, self._names.of(metric), at)
            target.append([journal.ARTIFACT, artifact], 1)
            target.append([journal.PREDICTIONS, declared], 1)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            self._complain(
                f"predictions {shown(metric)}",
                f"the predictions of {shown(metric)} are not recorded ({type(problem).__name__}: {shown(problem)})",
            )

    def finish(self, state: str = "finished", error: str | None = None) -> None:
        """End the run ("finished", "failed" or "killed") and deliver it: about 10 s at most, the rest is kept.

        Only the process that started the run can end it; a second call does nothing.
        """
        try:
            if self._over or os.getpid() != self._owner:
                return
            self._over = True
            atexit.unregister(self._at_exit)
            self._wait_for_datasets()
            for note in self._reseeded():
                self._note(note)
            endings.end(self._started, state, error)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            self._complain(
                "finish", f"the run could not be ended ({type(problem).__name__}: {shown(problem)}); `trackrecord sync`"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        state, error = endings.of_exception(raised, self._started.top)
        self.finish(state, error)

    def __deepcopy__(self, _: object) -> Self:
        return self  # a configuration that holds the run may be copied; the run is one

    def __reduce__(self) -> tuple[Any, ...]:
        return _joined, (self.project, self.id, str(self._started.home))

    def __repr__(self) -> str:
        return f"<trackrecord run {self.name} of {self.project}>" if self.name else "<trackrecord run, not recorded>"

    def _log(self, values: Mapping[Any, Any], step: int | None) -> bool:
        target = self._own_journal()
        if target is None:
            return False
        kept: dict[str, float] = {}
        known = self._names.known
        for key, value in values.items():
            if type(value) is float and key in known:
                kept[known[key]] = value
            else:
                self._slowly(key, value, kept)
        if type(step) is not int or not 0 <= step <= points.LARGEST_STEP:
            step = self._whole(step)
        self._step = step
        if not kept:
            return False
        now = time.time_ns() // 1_000_000
        if len(kept) <= _METRICS_OF_A_FRAME:
            return target.append([journal.POINTS, now, step, kept], len(kept)) or self._lost()
        pairs = list(kept.items())
        pieces = [dict(pairs[at : at + _METRICS_OF_A_FRAME]) for at in range(0, len(pairs), _METRICS_OF_A_FRAME)]
        kept_all = [target.append([journal.POINTS, now, step, piece], len(piece)) for piece in pieces]
        return all(kept_all) or self._lost()

    def _slowly(self, key: Any, value: Any, kept: dict[str, float]) -> None:
        for inner, each in points.flat({key: value}):
            made = points.number(each)
            if made is not None:
                kept[self._names.of(inner)] = made
            elif self._complain(
                f"value {shown(inner)}", f"{shown(inner)} is a {type(each).__name__}, not a number: it is not recorded"
            ):
                return

    def _whole(self, step: Any) -> int:
        if step is None:
            return self._step + 1
        made = points.whole(step)
        if made is None:
            self._complain(
                "step", f"{shown(step)[:40]} is no step (whole, not negative): the next number is taken instead"
            )
        return self._step + 1 if made is None else made

    def _own_journal(self) -> Journal | None:
        """This process's journal: a forked child opens its own, and no lock is ever held across the fork."""
        target = self._journal
        if target is None or target.pid == os.getpid():
            return None if self._over else target
        folder = self._started.folder
        if self._over or folder is None or not target.still_there():
            self._over = True
            return None
        self._journal = folder.journal(f"p{os.getpid()}-{time.time_ns() // 1_000_000:x}")
        return self._journal

    def _declare(self, target: Journal, name: str, split: str | None, look: Any) -> None:
        try:
            found = look()
        except Exception as problem:  # noqa: BLE001 - the data is the script's; whatever it is, the training goes on
            self._complain(f"dataset {shown(name)}", f"the dataset {shown(name)} is not recorded ({shown(problem)})")
            return
        declared = {
            "name": params.label(redact.text(str(name)), 190),
            "digest": found.digest,
            "split": None if split is None else params.label(str(split), 90),
            "size": found.size,
            "count": found.count,
            "partial": found.partial,
        }
        target.append([journal.DATASET, declared], 1)

    def _wait_for_datasets(self) -> None:
        for reading in self._reading:
            reading.join(2)
            if reading.is_alive():
                say("reading the datasets to their end (Ctrl-C leaves them out)")
                try:
                    reading.join()
                except KeyboardInterrupt:
                    return

    def _reseeded(self) -> list[str]:
        before, after = self._started.generators, seeds.generators()
        changed = [name for name in after if name in before and before[name] != after[name]]
        return [f"{name} was {before[name]} at the start and {after[name]} at the end" for name in changed]

    def _note(self, text: str) -> None:
        if self._journal is not None and self._journal.pid == os.getpid():
            self._journal.append([journal.NOTE, params.clean(redact.text(text), 450)])

    def _lost(self) -> bool:
        target = self._journal
        if target is None or target.still_there():
            return self._complain("lost", "the disk takes no more: points are being lost and counted")
        self._over = True  # a forked child that outlives the run
        return False

    def _complain(self, about: str, line: str) -> bool:
        """Say it once, on stderr and in the run's notes. Always False, so that callers can return it."""
        if about not in self._said and len(self._said) < 100:
            self._said.add(about)
            say(line, "warn")
            self._note(line)
        return False

    def _at_exit(self) -> None:
        """The script ended without finish(): finished, unless Python is leaving because of an exception."""
        raised = _last_raised()
        state, error = endings.of_exception(None if raised is self._raised_before else raised, self._started.top)
        self.finish(state, error)


def _last_raised() -> BaseException | None:
    """The exception that Python printed last, because nobody caught it."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None


def _joined(project: str, run_id: str, home: str) -> Run:
    """The run in a process that got it by pickle (a spawned worker): a writer of its own, which cannot end it."""
    made = Run(opening.join(project, run_id, Path(home)))
    made._owner = -1
    atexit.unregister(made._at_exit)
    return made

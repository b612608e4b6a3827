"""`with trackrecord.run("milestone-1", params=…) as run`: a guest in training that warns and never breaks it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trackrecord import attempts, endings, files, journal, opening, params, points, predictions, redact
from trackrecord.capture import data as contents
from trackrecord.capture import seeds, values
from trackrecord.folder import Folder
from trackrecord.journal import Journal
from trackrecord.opening import Started
from trackrecord.voice import say, shown

_METRICS_OF_A_FRAME = 1000
_SLOW_S = 5.0  # in which data in memory is read while the script waits
_THINNED = (
    "the journal of this run is longer than 1 GB: only some of the further steps are kept, the others are counted as "
    "dropped. Log less often"
)


def run(project: str, params: object = None) -> Run:
    """Start a run of a project and return it; it never raises.

    `params`: every hyperparameter, as nested dictionaries, a dataclass, an argparse.Namespace or the like. Use it with
    `with`, or call `finish()` at the end.

        with trackrecord.run("milestone-1", params={"lr": 0.1}) as run:
            run.log({"test/accuracy": 0.91}, step=3)
    """
    return Run(opening.begin(project, params))


def join(run_id: str) -> Run:
    """Record in a run that another process began: another rank, or a job beside it. It never raises.

    Rank 0 tells its `run.id` to the others. All of them must see the same TRACKRECORD_HOME, and rank 0 ends the run,
    after the others are done. Only rank 0 records unless the others ask for it in this way.
    """
    return _without_end(Run(opening.join(run_id)))


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
            _at_end_of_child(self._at_exit)

    @property
    def is_open(self) -> bool:
        """Whether it is recorded and has not ended."""
        return not self._over

    def log(self, values: Mapping[str, Any], step: int | None = None) -> bool:
        """Record numbers of one step; takes microseconds. True: they are with the kernel and survive kill -9.

        Without `step` every call is the next one. NaN and infinities are recorded as such. Nested names get slashes.

            run.log({"train": {"loss": 0.31}, "test/accuracy": 0.91}, step=3)
        """
        try:
            return self._log(values, step)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            return self._complain("log", f"log() could not keep a call ({type(problem).__name__}: {shown(problem)})")

    def dataset(
        self, name: str, path: str | os.PathLike[str] | None = None, *, data: Any = None, split: str | None = None
    ) -> None:
        """Declare input data by all of its content: a file, a folder, or `data` in memory.

        `data`: bytes, text, arrays of numpy, tensors of torch, tables of pandas, polars and Arrow, datasets of Hugging
        Face, and nestings of them. A path, and data that cannot change, is read in the background; `finish` waits.

            run.dataset("digits/test", path="data/test", split="test")
            run.dataset("digits/ids", data=ids)
        """
        try:
            target = self._own_journal()
            if target is None:
                return
            if path is None:
                look = partial(values.of_value, data)
            else:
                digests = contents.Digests(self._started.home / "digests.json")
                look = partial(contents.of_path, Path(path).absolute(), digests)
            if path is None and not values.can_wait(data):  # small, or it may change as soon as the script goes on
                began = time.monotonic()
                self._declare(target, name, split, look)
                if time.monotonic() - began > _SLOW_S:
                    took = f"{time.monotonic() - began:.0f} s"
                    say(f"reading the dataset {shown(name)} took {took}; as `path=` it is read in the background")
                return
            reading = threading.Thread(
                target=self._declare,
                args=(target, name, split, look),
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
        """Record a file as it is now; it is copied, and uploaded in the background.

        Of a folder it is every file. `step` is the one that it belongs to.

            run.artifact("model.pt", step=3)
        """
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
            if self._started.sampler is not None:
                self._started.sampler.stop()
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
        folder = self._started.folder
        return _joined, (self.project, None if folder is None else str(folder.path))

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
        if target.thins(step, len(kept)):
            return self._complain("thinned", _THINNED)
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
            if self._step < 0 and self._started.attempt > 1 and self._started.folder is not None:
                self._step = attempts.last_step(self._started.folder)  # the script does not say where it goes on
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
            "split": None if split is None else params.label(redact.text(str(split)), 90),
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
        """The script ended without finish(): finished, unless Python is leaving because of an exception.

        A session at a prompt is different: exceptions there end nothing, and closing it says nothing about the run.
        """
        if _is_prompt():
            self.finish("killed", "the session was closed without finish()")
            return
        raised = sys.exc_info()[1] or _last_raised()
        state, error = endings.of_exception(None if raised is self._raised_before else raised, self._started.top)
        self.finish(state, error)


def _at_end_of_child(end: Callable[[], None]) -> None:
    """A process of multiprocessing leaves without `atexit`; what it calls in its place may run beside an exception."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        from multiprocessing.util import Finalize  # noqa: PLC0415 - loaded already, where it is needed

        Finalize(None, end, exitpriority=0)


def _is_prompt() -> bool:
    """Whether a person types into this process: a notebook, IPython, Python's own prompt."""
    return hasattr(sys, "ps1") or ("IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None)


def _last_raised() -> BaseException | None:
    """The exception that Python printed last, because nobody caught it."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None


def _joined(project: str, path: str | None) -> Run:
    """The run in a process that got it by pickle (a spawned worker): a writer of its own, which cannot end it."""
    try:
        started = Started(project) if path is None else opening.joined(Folder(Path(path)))
    except (OSError, ValueError, KeyError):  # it has ended and is delivered
        started = Started(project)
    return _without_end(Run(started))


def _without_end(made: Run) -> Run:
    made._owner = -1
    atexit.unregister(made._at_exit)
    return made

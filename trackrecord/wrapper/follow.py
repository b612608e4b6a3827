"""Follow a run's folder while its process writes there: what is recorded so far, and how much of it has arrived."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackrecord import journal
from trackrecord.batches import CUT_BYTES
from trackrecord.folder import Folder
from trackrecord.report import MACHINE_USE

_KEPT = 256  # points of a metric that are remembered for its curve
_LOWER = re.compile(r"(?i)loss|err|mae|mse|perplexity|ppl|nll|(?:^|[_/])(?:wer|cer|fid|bpc|bpb)$")
_HIGHER = re.compile(
    r"(?i)acc|auc|f1|precision|recall|bleu|rouge|score|reward|return|iou|dice|(?:^|[_/@])(?:ap|map|r2)"
)


@dataclass(slots=True)
class Metric:
    """One metric so far. `best` is known only where its name says which direction is good."""

    name: str
    count: int = 0
    last: float = 0.0
    best: float | None = None
    curve: list[float] = field(default_factory=list)  # every `_every`-th value
    _every: int = 1
    _better: Callable[[float, float], float] | None = field(init=False)

    def __post_init__(self) -> None:
        self._better = min if _LOWER.search(self.name) else max if _HIGHER.search(self.name) else None

    def add(self, value: float) -> None:
        """One more point. A value that is no finite number is no best, and not drawn."""
        self.count, self.last = self.count + 1, value
        if value - value != 0:
            return
        if self._better is not None:
            self.best = value if self.best is None else self._better(self.best, value)
        if self.count % self._every == 0:
            self.curve.append(value)
        if len(self.curve) > _KEPT:
            self.curve, self._every = self.curve[1::2], self._every * 2


@dataclass(slots=True)
class Trace:
    """What is recorded so far. `report` holds the fields of a RunReport, those that are known."""

    name: str = ""
    project: str = ""
    url: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    machine: dict[str, float] = field(default_factory=dict)  # the last system/… values, without that prefix
    datasets: list[Mapping[str, Any]] = field(default_factory=list)
    artifacts: list[Mapping[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    batches: int = 0
    confirmed: int = 0
    files_owed: int = 0
    known: bool = False  # the registry has heard of the run
    gone: bool = False  # the folder is taken away: everything has arrived
    state: str = ""  # finished, failed, killed; empty while it goes on

    def take(self, entry: list[Any]) -> None:
        """One entry of a journal."""
        if entry[0] == journal.POINTS:
            for name, value in entry[3].items():
                if name.startswith(MACHINE_USE):
                    self.machine[name.removeprefix(MACHINE_USE)] = value
                else:
                    self.metrics.setdefault(name, Metric(name)).add(value)
        elif entry[0] == journal.DATASET:
            self.datasets.append(entry[1])
        elif entry[0] == journal.ARTIFACT:
            self.artifacts.append(entry[1])
        elif entry[0] == journal.NOTE:
            self.notes.append(entry[1])


class Follower:
    """Reads a run's folder again and again. Journals stay open: what was written before they are removed is seen."""

    def __init__(self, folder: Folder, name: str, project: str, url: str | None) -> None:
        self.folder = folder
        self.trace = Trace(name, project, url)
        self._journals: dict[str, tuple[int, int]] = {}  # writer -> descriptor, where the next entry starts

    def look(self) -> Trace:
        """The trace as it is now."""
        trace = self.trace
        if not trace.gone:
            with suppress(OSError, ValueError):
                if not trace.report:
                    trace.report = json.loads(self.folder.report)
            with suppress(OSError, ValueError):
                finish = self.folder.finish
                trace.state = str(json.loads(finish)["state"]) if finish else trace.state
            self._open()
            self._count()
            trace.gone = not self.folder.path.exists()
        self._read()
        return trace

    def close(self) -> None:
        """Let the journals go."""
        for descriptor, _ in self._journals.values():
            os.close(descriptor)
        self._journals = {}

    def _open(self) -> None:
        for writer, path in self.folder.journals().items():
            if writer not in self._journals:
                with suppress(OSError):
                    self._journals[writer] = os.open(path, os.O_RDONLY | os.O_CLOEXEC), 0

    def _read(self) -> None:
        for writer, (descriptor, start) in self._journals.items():
            end = start
            with suppress(OSError, ValueError):
                for end, entry in journal.frames(Path(f"/dev/fd/{descriptor}"), start):  # noqa: B007 - kept below
                    self.trace.take(entry)
            self._journals[writer] = descriptor, end

    def _count(self) -> None:
        sent = self.folder.sent()
        with suppress(OSError):
            cut = sum(path.stat().st_size // CUT_BYTES for path in self.folder.path.glob("*.cuts"))
            self.trace.batches = max(self.trace.batches, cut)
            self.trace.files_owed = sum(1 for _ in self.folder.artifacts.iterdir())
        self.trace.known = bool(sent.get("run")) or self.trace.known
        writers = sent.get("writers")
        if isinstance(writers, dict):
            self.trace.confirmed = sum(writers.values())

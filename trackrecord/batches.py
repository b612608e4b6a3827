"""A run's journals cut into batches whose ends are kept, so that a repeat sends the same bytes. No network in here."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trackrecord import journal
from trackrecord.errors import TrackrecordError
from trackrecord.folder import Folder
from trackrecord.report import EndState, FinishReport, WriterEnd, link

_CUT = struct.Struct("<Q32s")  # where a batch ends in the journal; SHA-256 of its body
_BATCH_BYTES = 512 << 10  # of journal; the body is of about the same size
_METRICS, _OTHERS = 1500, 800  # different ones in a batch; datasets, artifacts and notes in a batch


def encode(body: Any) -> bytes:
    """The bytes of a report on the wire."""
    return _json(asdict(body))


def _json(body: Any) -> bytes:
    # Never another spelling: what was cut before an upgrade must give the same bytes after it.
    return json.dumps(body, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(slots=True)
class _Writer:
    path: Path
    ends: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.ends[-1] if self.ends else 0


class Batches:
    """The batches of one run. Several threads may ask; every answer is local and quick."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._writers: dict[str, _Writer] = {}
        self._sent: dict[str, int] = {
            str(writer): int(count) for writer, count in (folder.sent().get("writers") or {}).items()
        }
        self.run_sent = bool(folder.sent().get("run"))

    @property
    def confirmed(self) -> int:
        """How many batches the registry has."""
        with self._lock:
            return sum(self._sent.values())

    def cut(self, *, beat: bool = False) -> None:
        """Close batches over what the journals hold by now. `beat`: one more, empty, when there is nothing new.

        Nothing is cut while older batches wait: after an outage few large ones go out, not many small ones. Raises
        OSError when an end cannot be kept: then nothing of it may be sent.
        """
        with self._lock:
            self._load()
            waiting = any(len(each.ends) > self._sent.get(name, 0) for name, each in self._writers.items())
            if self.folder.finish is None and not waiting:
                self._cut(beat)

    def owed(self) -> Iterable[tuple[str, int, bytes]]:
        """The batches that were cut and not confirmed, in order: (writer, sequence, body).

        Raises TrackrecordError where the journal no longer holds what was cut.
        """
        for name in list(self._writers):
            while True:
                with self._lock:
                    writer, sequence = self._writers[name], self._sent.get(name, 0)
                    if sequence >= len(writer.ends):
                        break
                    start = writer.ends[sequence - 1] if sequence else 0
                    body = _body(writer.path, start, writer.ends[sequence])
                if hashlib.sha256(body).hexdigest() != writer.digests[sequence]:
                    raise TrackrecordError(
                        f"The journal {writer.path} is damaged: batch {sequence} is not what it was.", "Run it again."
                    )
                yield name, sequence, body

    def confirm(self, name: str | None, sequence: int = 0) -> None:
        """The registry has it: the run itself (`name` None), or a writer's batch."""
        with self._lock:
            if name is None:
                self.run_sent = True
            else:
                self._sent[name] = sequence + 1
            state = {"run": self.run_sent, "writers": self._sent}
            try:
                self.folder.keep("sent.json", json.dumps(state).encode())
            except OSError:  # only a shortcut: a repeat is one batch at the registry
                return

    def seal(self, state: EndState, finished_ms: int | None, error: str | None, dropped: int = 0) -> bytes:
        """Cut what is left and keep the FinishReport. `finished_ms` None: the time of the last entry.

        Asked again, it returns the same bytes. Raises OSError when they cannot be kept.
        """
        with self._lock:
            body = self.folder.finish
            if body is not None:
                return body
            self._load()
            self._cut(False)
            last, lost = self._read_through()
            report_digest = hashlib.sha256(self.folder.report).hexdigest()
            ends = {
                name: WriterEnd(batches=len(writer.ends), head=_head(report_digest, writer.digests))
                for name, writer in self._writers.items()
                if writer.ends
            }
            finish = FinishReport(
                state=state, finished_ms=finished_ms or last, writers=ends, dropped=lost + dropped, error=error
            )
            body = encode(finish)
            self.folder.keep("finish.json", body)
            return body

    def _cut(self, beat: bool) -> None:
        for name, writer in self._writers.items():
            while (stop := _boundary(writer.path, writer.end)) > writer.end:
                self._keep_cut(name, writer, stop)
            if beat and name == "main":
                self._keep_cut(name, writer, writer.end)

    def _keep_cut(self, name: str, writer: _Writer, stop: int) -> None:
        digest = hashlib.sha256(_body(writer.path, writer.end, stop))
        with writer.path.open("rb") as file:  # or a power cut could leave an end without its batch
            os.fsync(file.fileno())
        path = self.folder.path / f"{name}.cuts"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            record = _CUT.pack(stop, digest.digest())
            if os.pwrite(descriptor, record, len(writer.ends) * _CUT.size) != len(record):
                raise OSError("no space for the end of a batch")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        writer.ends.append(stop)
        writer.digests.append(digest.hexdigest())

    def _load(self) -> None:
        """Meet journals that were not there before, and read the ends that were kept of them."""
        for name, path in self.folder.journals().items():
            if name in self._writers:
                continue
            writer = self._writers[name] = _Writer(path)
            try:
                kept = (self.folder.path / f"{name}.cuts").read_bytes()
            except OSError:
                continue
            for at in range(0, len(kept) - _CUT.size + 1, _CUT.size):
                stop, digest = _CUT.unpack_from(kept, at)
                writer.ends.append(stop)
                writer.digests.append(digest.hex())

    def _read_through(self) -> tuple[int, int]:
        """The time of the last entry in any journal (of the report, when there is none), and the points dropped."""
        last, lost = 0, 0
        for writer in self._writers.values():
            for _, entry in journal.frames(writer.path):
                if entry[0] == journal.POINTS:
                    last = max(last, entry[1])
                elif entry[0] == journal.DROPPED:
                    lost += entry[1]
        return last or int(json.loads(self.folder.report)["started_ms"]), lost


def _boundary(path: Path, start: int) -> int:
    """Where a batch that begins at `start` ends: before it is too large for the registry, and after whole frames."""
    stop, metrics, others = start, set[str](), 0
    for after, entry in journal.frames(path, start):
        if entry[0] == journal.POINTS:
            metrics.update(entry[3])
        else:
            others += 1
        if stop > start and (after - start > _BATCH_BYTES or len(metrics) > _METRICS or others > _OTHERS):
            break
        stop = after
    return stop


def _body(path: Path, start: int, stop: int) -> bytes:
    """The bytes of a batch (a BatchReport): a function of the journal between two ends, and of nothing else."""
    columns: dict[str, dict[str, Any]] = {}  # fields of PointsReport; building the classes would cost ten times as much
    others: dict[int, list[Any]] = {
        each: [] for each in (journal.DATASET, journal.ARTIFACT, journal.PREDICTIONS, journal.NOTE, journal.ATTEMPT)
    }
    for _, entry in journal.frames(path, start, stop):
        if entry[0] == journal.POINTS:
            _, time_ms, step, values = entry
            for metric, value in values.items():
                column = columns.get(metric)
                if column is None:
                    column = columns[metric] = {"metric": metric, "steps": [], "times": [], "values": []}
                column["steps"].append(step)
                column["times"].append(time_ms)
                column["values"].append(value if math.isfinite(value) else _name_of(value))
        elif entry[0] in others:
            others[entry[0]].append(entry[1])
    body = {
        "points": list(columns.values()),
        "datasets": others[journal.DATASET],
        "artifacts": others[journal.ARTIFACT],
        "notes": others[journal.NOTE],
    }
    # Only where there are some: batches that an older version cut must keep their bytes.
    if others[journal.PREDICTIONS]:
        body["predictions"] = others[journal.PREDICTIONS]
    if others[journal.ATTEMPT]:
        body["attempts"] = others[journal.ATTEMPT]
    return _json(body)


def _name_of(value: float) -> Any:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _head(report_digest: str, digests: list[str]) -> str:
    head = link(None, report_digest)
    for digest in digests:
        head = link(head, digest)
    return head

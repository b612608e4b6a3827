"""A run's journals cut into batches whose ends are kept, so that a repeat sends the same bytes. No network in here."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
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
CUT_BYTES = _CUT.size  # in a file of cuts, for each batch
_BATCH_BYTES = 512 << 10  # of journal; the body is of about the same size
_NOTES = "seal"  # the writer of what is found out when a run is sealed
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
        sent = folder.sent()
        counts = sent.get("writers")
        known = counts.items() if isinstance(counts, dict) else ()
        self._sent: dict[str, int] = {name: count for name, count in known if isinstance(count, int)}
        self.run_sent = sent.get("run") is True

    @property
    def confirmed(self) -> int:
        """How many batches the registry has."""
        with self._lock:
            return sum(self._sent.values())

    def waiting(self) -> int:
        """Bytes of the journals that the registry has not confirmed."""
        with self._lock:
            self._load()
            return sum(self._size_waiting(name, writer) for name, writer in self._writers.items())

    def cut(self, *, beat: bool = False) -> None:
        """Close batches over what the journals hold by now. `beat`: one more, empty, when there is nothing new.

        Nothing is cut while older batches wait: after an outage few large ones go out, not many small ones. Raises
        OSError when an end cannot be kept: then nothing of it may be sent. Raises TrackrecordError where what is here
        is not what the run was sealed with.
        """
        with self._lock:
            self._load()
            finish = self.folder.finish
            if finish is not None:
                self._cut_as_sealed(_ends(self.folder, finish))
                return
            if not any(len(each.ends) > self._sent.get(name, 0) for name, each in self._writers.items()):
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

        Asked again, it returns the same bytes. Raises OSError when they cannot be kept, TrackrecordError where those
        that were kept cannot be read.
        """
        with self._lock:
            body = self.folder.finish
            if body is not None:
                _ends(self.folder, body)
                return body
            last, lost = self._read_through()
            dropped = max(dropped, self._marked())
            self._load()
            self._cut(False)
            report_digest = hashlib.sha256(self.folder.report).hexdigest()
            ends = {
                name: WriterEnd(batches=len(writer.ends), head=_head(report_digest, writer.digests))
                for name, writer in self._writers.items()
                # Also an attempt that died before its first word, so that none is missing in the count.
                if writer.ends or name.startswith("a")
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

    def _cut_as_sealed(self, ends: dict[str, WriterEnd]) -> None:
        """A sealed run's ends that are lost are made again: the same journal gives the same, or nothing may be sent."""
        report_digest = hashlib.sha256(self.folder.report).hexdigest()
        for name, end in ends.items():
            writer = self._writers.get(name) or _Writer(self.folder.path / f"{name}.journal")
            while len(writer.ends) < end.batches and (stop := _boundary(writer.path, writer.end)) > writer.end:
                self._keep_cut(name, writer, stop)
            if (len(writer.ends), _head(report_digest, writer.digests)) != (end.batches, end.head):
                raise TrackrecordError(
                    f"The journal {writer.path} is damaged: it does not hold what the run ended with.", "Run it again."
                )

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

    def _size_waiting(self, name: str, writer: _Writer) -> int:
        sent = self._sent.get(name, 0)
        start = writer.ends[sent - 1] if 0 < sent <= len(writer.ends) else 0
        return max(0, writer.path.stat().st_size - start)

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
                if not any(digest):  # zeros, as a power cut leaves them: nothing of it was sent
                    break
                writer.ends.append(stop)
                writer.digests.append(digest.hex())

    def _read_through(self) -> tuple[int, int]:
        """The time of the last entry in any journal (of the report, when there is none), and the points dropped."""
        last, lost = 0, 0
        for name, path in self.folder.journals().items():
            end = 0
            for after, entry in journal.frames(path):
                end = after
                if entry[0] == journal.POINTS:
                    last = max(last, entry[1])
                elif entry[0] == journal.DROPPED:
                    lost += entry[1]
            if journal.is_damaged(path, end):
                self._note(f"the journal {name} is damaged at byte {end}: what was recorded after it is lost")
                lost += 1  # at least: how many they were cannot be told
        return last or int(json.loads(self.folder.report)["started_ms"]), lost

    def _marked(self) -> int:
        """Journals that dropped points and could not write down how many: at least one point each."""
        return sum(bool(path.stat().st_mode & stat.S_IXUSR) for path in self.folder.journals().values())

    def _note(self, text: str) -> None:
        own = self.folder.journal(_NOTES)
        own.append([journal.NOTE, text])
        own.close()


def _ends(folder: Folder, finish: bytes) -> dict[str, WriterEnd]:
    """How each writer of a sealed run ended, by its finish.json."""
    try:
        return {str(name): WriterEnd(**end) for name, end in json.loads(finish)["writers"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TrackrecordError(
            f"{folder.path / 'finish.json'} cannot be read: it is damaged.", "Run it again."
        ) from None


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

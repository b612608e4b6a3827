"""An append-only journal: what `append` returned True for is with the kernel and survives kill -9 of the process.

A frame is length (4 bytes), CRC-32 (4 bytes) and payload (JSON). A process has its own file; power loss may cost what
was not on disk yet, a few seconds: the upload syncs the file before it sends anything.
"""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

POINTS: Final = 0  # [0, time in ms, step, {metric: value}]
DATASET: Final = 1  # [1, fields of a DatasetReport]
ARTIFACT: Final = 2  # [2, fields of an ArtifactReport]
NOTE: Final = 3  # [3, text]
DROPPED: Final = 4  # [4, number of points that could not be kept]
PREDICTIONS: Final = 5  # [5, fields of a PredictionsReport]
ATTEMPT: Final = 6  # [6, fields of an AttemptReport]

CAP: Final = 2 << 30  # bytes of one journal; what comes after is counted as dropped
_HEAD = struct.Struct("<II")
# Infinities and NaN are written as Python's own JSON does; only this file's readers see them.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Journal:
    """The writing end. Threads of the process that made it may share it; a forked child must make its own."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises OSError when that cannot be."""
        self.path = path
        self.pid = os.getpid()
        self.dropped = 0  # not yet written down in the file itself
        self._lock = threading.RLock()  # a signal handler may log in the middle of a log()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._end = os.fstat(self._file).st_size

    def append(self, entry: list[Any], points: int = 0) -> bool:
        """Write one entry. False: it could not be kept; its `points` are counted as dropped."""
        payload = _encode(entry).encode()
        frame = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        with self._lock:
            if self._write(frame):
                if self.dropped:
                    self._own_up()
                return True
            self.dropped += points
            return False

    def still_there(self) -> bool:
        """Whether the file still has a name: the run's end takes it away, also from under a forked child."""
        try:
            return os.fstat(self._file).st_nlink > 0
        except OSError:
            return False

    def close(self) -> None:
        """Write down what was dropped, if that is possible, and let the file go. Later entries are dropped."""
        with self._lock:
            if self.dropped:
                self._own_up()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _own_up(self) -> None:
        payload = _encode([DROPPED, self.dropped]).encode()
        if self._write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload):
            self.dropped = 0

    def _write(self, frame: bytes) -> bool:
        if self._file < 0 or self._end + len(frame) > CAP:
            return False
        try:
            written = os.write(self._file, frame)
        except OSError:
            return False
        if written == len(frame):
            self._end += written
            return True
        try:  # the disk was full in the middle of it: take the half frame back, or nothing after it can be read
            os.ftruncate(self._file, self._end)
        except OSError:
            os.close(self._file)
            self._file = -1
        return False


def frames(path: Path, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, list[Any]]]:
    """Read entries from byte `start`: (where the next one starts, the entry). Ends before a torn or damaged frame."""
    with path.open("rb") as file:
        file.seek(start)
        at = start
        while stop is None or at < stop:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            size, crc = _HEAD.unpack(head)
            payload = file.read(size) if size <= CAP else b""
            if len(payload) < size or zlib.crc32(payload) != crc:
                return
            at += _HEAD.size + size
            yield at, json.loads(payload)

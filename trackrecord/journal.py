"""An append-only journal: what `append` returned True for is with the kernel and survives kill -9 of the process.

A frame is length (4 bytes), CRC-32 (4 bytes) and payload: JSON, or the points of a step as bytes. A process has its own
file; power loss may cost what was not on disk yet, a few seconds: the upload syncs the file before it sends anything.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

POINTS: Final = 0  # [0, time in ms, step, {metric: value}]
DATASET: Final = 1  # [1, fields of a DatasetReport]
ARTIFACT: Final = 2  # [2, fields of an ArtifactReport]
NOTE: Final = 3  # [3, text]
DROPPED: Final = 4  # [4, number of points that could not be kept]
PREDICTIONS: Final = 5  # [5, fields of a PredictionsReport]
ATTEMPT: Final = 6  # [6, fields of an AttemptReport]

CAP: Final = 2 << 30  # bytes of one journal; what comes after is counted as dropped
_LARGEST = 16 << 20  # bytes of one entry; none comes near
_OWN_UP_AT = 10_000  # thinned points that are written down together
_HEAD = struct.Struct("<II")
# The points of a step: "[P", time in ms, step, length of the names in JSON, the names, then a double for each. Writing
# five numbers as text takes longer than everything else in log() together.
_STEP = struct.Struct("<2sqqI")
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
        self.keeps_every = 1  # of the steps, see `thins`
        self._names: dict[tuple[str, ...], tuple[bytes, struct.Struct]] = {}
        self._thinner_at, self._step, self._steps, self._left_out = CAP // 2, -1, 0, False

    def append(self, entry: list[Any], points: int = 0) -> bool:
        """Write one entry. False: it could not be kept; its `points` are counted as dropped."""
        payload = self._step_of(entry) if entry[0] == POINTS else _encode(entry).encode()
        frame = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        with self._lock:
            if self._write(frame):
                if self.dropped and (self.keeps_every == 1 or self.dropped >= _OWN_UP_AT):
                    self._own_up()
                if self._end > self._thinner_at:
                    self._keep_fewer()
                return True
            self._drop(points)
            return False

    def thins(self, step: int, points: int) -> bool:
        """Whether a step is left out, because the journal has become long; its `points` are counted as dropped.

        Of the first half of `CAP` every step is kept; of half of what is left then every 2nd, then every 4th, …
        """
        if self.keeps_every == 1:
            return False
        with self._lock:
            if step != self._step:
                self._step, self._steps = step, self._steps + 1
                self._left_out = self._steps % self.keeps_every != 0
            if self._left_out:
                self._drop(points)
            return self._left_out

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

    def _step_of(self, entry: list[Any]) -> bytes:
        _, time_ms, step, values = entry
        names = tuple(values)
        known = self._names.get(names)
        if known is None:
            if len(self._names) > 1_000:  # a script that never logs the same names twice
                self._names.clear()
            known = self._names[names] = (_encode(names).encode(), struct.Struct(f"<{len(names)}d"))
        head, numbers = known
        return _STEP.pack(b"[P", time_ms, step, len(head)) + head + numbers.pack(*values.values())

    def _keep_fewer(self) -> None:
        self.keeps_every *= 2
        self._thinner_at += (CAP - self._thinner_at) // 2

    def _own_up(self) -> None:
        payload = _encode([DROPPED, self.dropped]).encode()
        if self._write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload):
            self.dropped = 0
            self._mark(0o600)

    def _drop(self, points: int) -> None:
        if points and not self.dropped:
            self._mark(0o700)
        self.dropped += points

    def _mark(self, mode: int) -> None:
        """0o700: points were dropped that are not written down. A full disk takes this, and a kill does not undo it."""
        try:
            if self._file >= 0 and stat.S_ISREG(os.fstat(self._file).st_mode):  # never a device that a link leads to
                os.fchmod(self._file, mode)
        except OSError:  # a file system without modes
            pass

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
            payload = _payload(file)
            if payload is None:
                return
            at += _HEAD.size + len(payload)
            yield at, _entry(payload)


def is_damaged(path: Path, end: int) -> bool:
    """Whether entries are lost after byte `end`, where `frames` stopped.

    False: nothing is left, or the frame of an append that never returned, cut short. True: bytes that were changed
    since, or that a power cut left as zeros; what was accepted there cannot be read any more.
    """
    with path.open("rb") as file:
        file.seek(end)
        rest = file.read(4 * _LARGEST)
    if len(rest) < _HEAD.size:
        return False
    size, _ = _HEAD.unpack_from(rest)
    is_whole = _HEAD.size + size <= len(rest)
    return is_whole or size > _LARGEST or _has_frame(rest[1:])


def _entry(payload: bytes) -> list[Any]:
    if not payload.startswith(b"[P"):
        return list(json.loads(payload))
    _, time_ms, step, size = _STEP.unpack_from(payload)
    at = _STEP.size + size
    names = json.loads(payload[_STEP.size : at])
    numbers = struct.unpack_from(f"<{len(names)}d", payload, at)
    return [POINTS, time_ms, step, dict(zip(names, numbers, strict=True))]


def _payload(file: BinaryIO) -> bytes | None:
    """The next frame's content; None where there is no whole one. An empty frame is none: zeros would be one."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size, crc = _HEAD.unpack(head)
    payload = file.read(size) if 0 < size <= CAP else b""
    return payload if len(payload) == size > 0 and zlib.crc32(payload) == crc else None


def _has_frame(content: bytes) -> bool:
    """Whether a whole frame stands anywhere in it."""
    at = content.find(b"[", _HEAD.size)
    while at >= 0:
        size, crc = _HEAD.unpack_from(content, at - _HEAD.size)
        if 0 < size <= len(content) - at and zlib.crc32(content[at : at + size]) == crc:
            return True
        at = content.find(b"[", at + 1)
    return False

"""PURE: points of metrics to bytes and back, exactly: NaN and its payload, infinities, -0.0, every bit of a float64.

A frame is one version byte, then zstd over: how many metrics, each metric's name and number of points, then the columns
of all of them one after another. Steps and times are stored as differences, which mostly repeat; the bytes of each
column are shuffled (all first bytes, all second bytes, …), so that bytes that look alike lie side by side.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

VERSION = 1
LEVEL = 3
_POINT_BYTES = 24
_HEAD = struct.Struct("<I")
_ENTRY = struct.Struct("<HI")


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one metric as columns of equal length: steps and times (ms) are int64, values float64."""

    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, which: Any) -> Points:
        """The points at a slice, a mask or an array of positions."""
        return Points(self.steps[which], self.times[which], self.values[which])


NONE = Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def together(parts: list[Points]) -> Points:
    """One after another."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NONE
    return Points(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def pack(series: Mapping[str, Points]) -> bytes:
    """Points of several metrics as one frame. A name has at most 65,535 bytes of UTF-8."""
    head = [_HEAD.pack(len(series))]
    for name, points in series.items():
        encoded = name.encode()
        head += [_ENTRY.pack(len(encoded), len(points)), encoded]
    everything = together(list(series.values()))
    columns = (_differences(everything.steps), _differences(everything.times), everything.values)
    body = b"".join([*head, *(_shuffled(column) for column in columns)])
    return bytes([VERSION]) + zstandard.ZstdCompressor(level=LEVEL).compress(body)


def unpack(frame: bytes) -> dict[str, Points]:
    """Read `pack` back. Raises ValueError for bytes that it did not write."""
    if not frame or frame[0] != VERSION:
        raise ValueError("packed points: unknown version")
    try:
        body = zstandard.ZstdDecompressor().decompress(frame[1:])
        (metrics,) = _HEAD.unpack_from(body)
        at = _HEAD.size
        counts: dict[str, int] = {}
        for _ in range(metrics):
            length, count = _ENTRY.unpack_from(body, at)
            at += _ENTRY.size + length
            counts[body[at - length : at].decode()] = count
    except (zstandard.ZstdError, struct.error, UnicodeDecodeError) as error:
        raise ValueError("packed points: damaged") from error
    total = sum(counts.values())
    if len(body) != at + total * _POINT_BYTES or len(counts) != metrics:
        raise ValueError("packed points: damaged")
    steps, times, values = (body[at + i * total * 8 : at + (i + 1) * total * 8] for i in range(3))
    everything = Points(_sums(_restored(steps)), _sums(_restored(times)), _restored(values).view(np.float64))
    found, start = {}, 0
    for name, count in counts.items():
        found[name] = everything[start : start + count]
        start += count
    return found


def _differences(column: NDArray[np.int64]) -> NDArray[np.uint64]:
    # Unsigned numbers wrap around, both ways: exact for any int64.
    differences: NDArray[np.uint64] = column.astype(np.int64).view(np.uint64)  # a copy
    differences[1:] -= differences[:-1].copy()
    return differences


def _sums(column: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.cumsum(column, dtype=np.uint64).view(np.int64)


def _shuffled(column: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, 8).T.tobytes()


def _restored(shuffled: bytes) -> NDArray[np.uint64]:
    rows = np.frombuffer(shuffled, np.uint8).reshape(8, -1)
    return np.ascontiguousarray(rows.T).reshape(-1).view(np.uint64)

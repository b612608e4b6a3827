"""Look at data in memory: a digest over all of its content, read piece by piece, never through a copy of all of it.

Every piece says what it is and how much of it there is, so that none runs into the next: two different contents never
give the same bytes. What the libraries are asked for is in `frames`; none is imported here that is not already.

An array's digest is the SHA-256 of the line `trackrecord-array-1`, its type (`<f8`), its shape, and its bytes in C
order.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trackrecord.capture import frames
from trackrecord.capture.content import Content, Part, Partial, Piece, Values, Whole

_DEEP = 12
_AT_ONCE = 4_096  # values
_LARGE = 4 << 20  # bytes: they take a moment
_BLOCK = 8 << 20  # bytes that are put in order at a time
_FIXED = ("pyarrow", "polars", "datasets")  # whose objects nobody changes afterwards
_WRITTEN = (datetime.timedelta, complex, range, slice)
_WRITTEN_IN = ("decimal", "fractions", "uuid")  # modules whose values are what they are written as
_PLAIN = frozenset((str, int, float, bool, type(None)))
# What numpy's view of their arrays says all about. Others (a unit, coordinates) may hold more than it shows.
_ARRAYS = ("numpy", "jax", "jaxlib", "tensorflow", "ml_dtypes")


def of_value(value: Any) -> Content:
    """The content of bytes, text, numbers, an array, a tensor, a table, or a nesting of them.

    Raises TypeError for anything that has no content that could be read whole.
    """
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes | bytearray | memoryview):
        whole = memoryview(value).cast("B") if memoryview(value).c_contiguous else bytes(value)
        return Content(hashlib.sha256(whole).hexdigest(), len(whole), len(whole))
    found, size, partial = hashlib.sha256(), 0, None
    for piece in pieces(value):
        if isinstance(piece, Partial):
            partial = piece.why
        else:
            found.update(piece)
            size += len(piece)
    return Content(found.hexdigest(), size, _rows(value), partial)


def can_wait(value: Any) -> bool:
    """Whether a value is large and cannot change: then it may be read in the background."""
    if isinstance(value, str | bytes):
        return len(value) >= _LARGE
    if frames.library(value) not in _FIXED:
        return False
    size = value.estimated_size() if hasattr(value, "estimated_size") else getattr(value, "nbytes", _LARGE)
    return bool(size >= _LARGE)


def pieces(value: Any, depth: int = 0) -> Iterator[Piece | Partial]:
    """The bytes that stand for a value."""
    if depth > _DEEP:
        raise TypeError("it is nested too deep")
    scalar = _scalar(value)
    if scalar is not None:
        yield scalar
    elif isinstance(value, bytes | bytearray):
        yield f"bytes {len(value)}\n".encode()
        yield bytes(value)
    elif frames.library(value) is not None and (known := frames.pieces(value)) is not None:
        yield from _resolved(known, depth)
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}\n".encode()
        for key in sorted(value, key=lambda key: (type(key).__name__, str(key))):
            yield from pieces(key, depth + 1)
            yield from pieces(value[key], depth + 1)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}\n".encode()
        yield from _values(value, depth)
    elif isinstance(value, set | frozenset):
        parts = sorted(b"".join(_values([each], depth)) for each in value)  # type: ignore[arg-type]
        yield f"set {len(parts)}\n".encode()
        yield from parts
    else:
        yield from _array(value, depth)


def _array(value: Any, depth: int) -> Iterator[Piece | Partial]:
    """The bytes of a numpy array, or of what makes one of itself."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not hasattr(value, "__array__"):
        raise TypeError(f"a {type(value).__name__} has no content that could be read")
    if type(value).__module__.partition(".")[0] not in _ARRAYS:
        raise TypeError(f"a {type(value).__name__} may hold more than its array: hand that over")
    if isinstance(value, numpy.ma.MaskedArray):
        yield b"masked\n"
        yield from _array(numpy.ma.getmaskarray(value), depth)
        value = value.filled(numpy.zeros((), value.dtype)[()])
    made = numpy.asarray(value)
    kind = made.dtype.newbyteorder("<")
    if kind.hasobject:
        if kind.names:
            raise TypeError("a structured array with objects in it has no content that could be read")
        yield f"trackrecord-array-1\nobject {list(made.shape)}\n".encode()
        yield from _values(made.flat, depth)
        return
    name = repr(kind.descr) if kind.names else f"{kind.str} {kind.name}" if kind.kind == "V" else kind.str
    yield f"trackrecord-array-1\n{name} {list(made.shape)}\n".encode()
    yield from _blocks(numpy, made, kind)


def _blocks(numpy: Any, made: Any, kind: Any) -> Iterator[Piece]:
    """In C order and little-endian; as it lies in memory where it lies so, else block by block."""
    if not made.nbytes:
        return
    if made.flags.c_contiguous and made.dtype == kind:
        yield memoryview(made.reshape(-1).view(numpy.uint8))
    elif made.ndim == 0 or made.nbytes <= _BLOCK:
        yield numpy.ascontiguousarray(made, dtype=kind).reshape(-1).view(numpy.uint8).data
    else:
        rows = max(1, _BLOCK // max(1, made.nbytes // len(made)))
        for start in range(0, len(made), rows):
            block = made[start : start + rows]
            yield from _blocks(numpy, block[0] if rows == 1 else block, kind)


def _values(items: Iterable[Any], depth: int) -> Iterator[Piece | Partial]:
    """Values in their order, many in one piece: each alone costs more than its bytes."""
    left = iter(items)
    while block := list(itertools.islice(left, _AT_ONCE)):
        if all(type(each) in _PLAIN for each in block):
            yield f"plain {len(block)} {json.dumps(block)}\n".encode()
            continue
        yield f"values {len(block)}\n".encode()
        kept: list[Piece] = []
        for piece in itertools.chain.from_iterable(pieces(each, depth + 1) for each in block):
            if isinstance(piece, Partial):
                yield piece
                continue
            kept.append(piece)
            if len(piece) > 1 << 16 or len(kept) > 1 << 12:
                yield b"".join(kept)
                kept = []
        yield b"".join(kept)


def _resolved(parts: Iterable[Part], depth: int) -> Iterator[Piece | Partial]:
    """What a library's parts stand for: bytes as they are, arrays and values as such."""
    for part in parts:
        if isinstance(part, Values):
            yield from _values(part.items, depth)
        elif isinstance(part, Whole):
            yield from pieces(part.value, depth + 1)
        else:
            yield part


def _scalar(value: Any) -> bytes | None:
    """One value, with its type: 1, True, 1.0 and "1" are four; so are a Decimal and a date of the same text."""
    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return f"value {json.dumps(value)}\n".encode()
    if isinstance(value, datetime.date | datetime.time):
        return _typed(value, value.isoformat() + _zone(value))
    if isinstance(value, _WRITTEN) or type(value).__module__ in _WRITTEN_IN:
        iso = getattr(value, "isoformat", None)  # of pandas: to the nanosecond
        return _typed(value, iso() if iso else repr(value))
    return None


def _zone(value: Any) -> str:
    zone = getattr(value, "tzinfo", None)
    fold = getattr(value, "fold", 0)
    return f" {zone}{' again' if fold else ''}" if zone is not None else ""


def _typed(value: Any, text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return f"{type(value).__qualname__} {len(encoded)} ".encode() + encoded + b"\n"


def _rows(value: Any) -> int:
    try:
        return len(value)
    except Exception:  # noqa: BLE001 - a scalar, a tensor without dimensions, something of the script's own
        return 1

"""Look at input data: digests over all of it, never over a sample.

A file's digest is the SHA-256 of its bytes (`sha256sum` agrees). A folder's is the SHA-256 of the line
`trackrecord-folder-1` and one line per file, sorted: size, the file's digest, its path below the folder (NFC, with /),
separated by single spaces.
An array's is the SHA-256 of the line `trackrecord-array-1`, its type (`<f8`), its shape, and its bytes in C order.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
_WORTH_KEEPING = 4 << 20  # bytes of a file whose digest is remembered
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Content:
    """What was read: digest, bytes, and files or rows. `partial` says why the digest does not cover all of it."""

    digest: str
    size: int
    count: int
    partial: str | None = None


class Digests:
    """Digests of large files, remembered by path, size, times and inode, so that a dataset is read once."""

    def __init__(self, place: Path) -> None:
        self._place = place
        try:
            data = json.loads(place.read_bytes())
        except (OSError, ValueError):
            data = {}
        self._known: dict[str, list[Any]] = data if isinstance(data, dict) else {}
        self._fresh = False

    def of(self, path: Path) -> tuple[str, int]:
        """Digest and size of a file. Raises OSError; also when the file changes while it is read."""
        before = path.stat()
        key, mark = str(path.resolve()), _mark(before)
        kept = self._known.get(key)
        if kept is not None and kept[:-1] == mark:
            return str(kept[-1]), before.st_size
        found = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        if _mark(path.stat()) != mark:
            raise OSError("it changed while it was read")
        # A file written this second could change again without a trace in its times.
        if before.st_size >= _WORTH_KEEPING and time.time() - before.st_mtime > 2:
            self._known[key], self._fresh = [*mark, found.hexdigest()], True
        return found.hexdigest(), before.st_size

    def keep(self) -> None:
        """Write down what was learned; that it cannot be written is no harm."""
        if not self._fresh:
            return
        kept = dict(list(self._known.items())[-_REMEMBERED:])
        fresh = self._place.with_name(f"{self._place.name}.{os.getpid()}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            fresh.replace(self._place)
        except OSError:
            fresh.unlink(missing_ok=True)


def of_path(path: Path, digests: Digests) -> Content:
    """The content of a file or folder. Raises OSError where there is none."""
    try:
        return _folder(path, digests) if path.is_dir() else Content(*digests.of(path), 1)
    finally:
        digests.keep()


def of_value(value: Any) -> Content:
    """The content of bytes, text, an array, a table, or a nesting of them. Raises TypeError for anything else."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes | bytearray | memoryview):
        whole = bytes(value)
        return Content(hashlib.sha256(whole).hexdigest(), len(whole), len(whole))
    found = hashlib.sha256()
    size = sum(_feed(found, piece) for piece in _pieces(value, 0))
    return Content(found.hexdigest(), size, _rows(value))


def _folder(path: Path, digests: Digests) -> Content:
    lines: list[bytes] = []
    size, unread = 0, 0
    for name, file in _files(path, "", frozenset({os.path.realpath(path)})):
        try:
            digest, bytes_ = digests.of(file)
        except OSError:
            unread += 1
            continue
        size += bytes_
        lines.append(f"{bytes_} {digest} {unicodedata.normalize('NFC', name)}\n".encode("utf-8", "surrogateescape"))
    found = hashlib.sha256(b"trackrecord-folder-1\n" + b"".join(sorted(lines)))
    partial = f"{unread} files could not be read" if unread else None
    return Content(found.hexdigest(), size, len(lines), partial)


def _files(folder: Path, prefix: str, above: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Files below a folder, links followed once; something that cannot be read comes out as a file that cannot."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield prefix.rstrip("/"), folder / "(unreadable)"
        return
    for entry in entries:
        path = folder / entry.name
        if not entry.is_dir():
            if path.is_file() or not path.exists():  # a broken link cannot be read; a pipe is no data
                yield prefix + entry.name, path
            continue
        real = os.path.realpath(path)
        if real not in above:
            yield from _files(path, f"{prefix}{entry.name}/", above | {real})


def _pieces(value: Any, depth: int) -> Iterator[bytes | memoryview]:
    """The bytes that stand for a value. Every piece says what it is and how long, so that none runs into the next."""
    if depth > 12:
        raise TypeError("it is nested too deep")
    if value is None or isinstance(value, bool | int | float | str):
        yield f"value {json.dumps(value)}\n".encode()
    elif isinstance(value, bytes):
        yield f"bytes {len(value)}\n".encode()
        yield value
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}\n".encode()
        for key in sorted(value, key=str):
            yield from _pieces(str(key), depth + 1)
            yield from _pieces(value[key], depth + 1)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}\n".encode()
        for each in value:
            yield from _pieces(each, depth + 1)
    elif hasattr(value, "columns") and hasattr(value, "index"):
        yield f"table {len(value.columns)}\n".encode()
        yield from _array(value.index)
        for position, name in enumerate(value.columns):
            yield from _pieces(str(name), depth + 1)
            yield from _array(value.iloc[:, position])
    else:
        yield from _array(value)


def _array(value: Any) -> Iterator[bytes | memoryview]:
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not (hasattr(value, "__array__") or hasattr(value, "to_numpy")):
        raise TypeError(f"a {type(value).__name__} has no content that could be read")
    array = value.to_numpy() if hasattr(value, "to_numpy") else numpy.asarray(value)
    if array.dtype.hasobject:
        texts = [
            each if isinstance(each, str | int | float | bool | None) else str(each) for each in array.ravel().tolist()
        ]
        yield f"trackrecord-array-1\nobject {list(array.shape)}\n{json.dumps(texts)}\n".encode()
        return
    plain = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    yield f"trackrecord-array-1\n{plain.dtype.str} {list(array.shape)}\n".encode()
    yield memoryview(plain.reshape(-1).view(numpy.uint8)) if plain.size else b""


def _feed(found: Any, piece: bytes | memoryview) -> int:
    found.update(piece)
    return len(piece)


def _rows(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return 1


def _mark(seen: os.stat_result) -> list[int]:
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]

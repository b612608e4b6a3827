"""Look at files of input data: digests over all of them, never over a sample.

A file's digest is the SHA-256 of its bytes (`sha256sum` agrees). A folder's is the SHA-256 of the line
`trackrecord-folder-1` and one line per file, sorted: size, the file's digest, its path below the folder (NFC, with /),
separated by single spaces.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackrecord.capture.content import Content

_CHUNK = 1 << 20
_WORTH_KEEPING = 4 << 20  # bytes of a file whose digest is remembered
_REMEMBERED = 20_000


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


def _mark(seen: os.stat_result) -> list[int]:
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]

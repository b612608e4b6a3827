"""Take a file as it is now: its digest, and a copy that the upload can send while the script writes the next one. And
write one in one piece.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackrecord import redact
from trackrecord.folder import Folder
from trackrecord.params import label

_CHUNK = 1 << 20
_SPARE = 2  # a copy must leave as much free as it takes


def take(folder: Folder, path: Path, name: str | None, step: int | None) -> Iterator[dict[str, Any]]:
    """The fields of an ArtifactReport for a file, or for every file of a folder. Raises OSError."""
    if not path.is_dir():
        yield _one(folder, path, named(name or _name(path)), step)
        return
    for each in sorted(path.rglob("*")):
        if each.is_file():
            yield _one(folder, each, named(f"{name or _name(path)}/{each.relative_to(path).as_posix()}"), step)


def named(name: str) -> str:
    """A plain relative name: nothing in it leads out of a folder."""
    parts = [part for part in redact.text(str(name)).replace("\\", "/").split("/") if part not in ("", ".", "..")]
    made = label("/".join(parts), 190).strip("/")
    return "_" + made[2:] if made[1:2] == ":" else made


def _name(path: Path) -> str:
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _one(folder: Folder, path: Path, name: str, step: int | None) -> dict[str, Any]:
    size = path.stat().st_size
    if shutil.disk_usage(folder.path).free > _SPARE * size:
        try:
            digest, size = _copied(folder, path)
            return {"name": name, "digest": digest, "size": size, "step": step}
        except OSError:
            if not path.is_file():
                raise
    digest, size = _read(path)
    # No room for a copy: sent from where it lies, if it still has this digest by then.
    folder.keep(f"artifacts/{digest}.path", os.fsencode(path.absolute()))
    return {"name": name, "digest": digest, "size": size, "step": step}


def _copied(folder: Folder, path: Path) -> tuple[str, int]:
    """Copy and digest in one pass."""
    fresh = folder.artifacts / f"new-{os.getpid()}-{os.urandom(6).hex()}"
    found, size = hashlib.sha256(), 0
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with path.open("rb") as source, os.fdopen(descriptor, "wb") as copy:
            while chunk := source.read(_CHUNK):
                found.update(chunk)
                size += copy.write(chunk)
        fresh.replace(folder.artifacts / found.hexdigest())
    finally:
        fresh.unlink(missing_ok=True)
    return found.hexdigest(), size


def _read(path: Path) -> tuple[str, int]:
    found, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return found.hexdigest(), size


def write_whole(file: Path, content: bytes) -> None:
    """In one piece, on the disk before it has its name."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(fresh, file)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise

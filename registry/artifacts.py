"""LOOK at stored files: a folder where every file is named by the SHA-256 of its bytes, and by nothing else."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from trackrecord.errors import TrackrecordError
from trackrecord.report import DIGEST

_DIGEST = re.compile(DIGEST.removeprefix("^").removesuffix("$"))  # with fullmatch: `$` lets a newline through
_PIECE = 1 << 20
_DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.ENOENT}


class Store:
    """Files by digest, below one folder on a local disk. Safe in any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arriving = folder / "arriving"  # on the same file system: renaming is atomic
        self._arriving.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, chunks: Iterable[bytes], digest: str, limit: int) -> int:
        """Keep bytes as they come and return how many; nothing is kept unless they have the digest.

        Raises TrackrecordError: 422 for another digest or what is no digest, 413 for more than `limit` bytes, 507 for a
        full disk. Putting the same file again is fine.
        """
        target = self._place(digest)
        if target is None:
            raise TrackrecordError("An artifact is named by 64 lower-case hexadecimal digits.", status=422)
        handle, name = tempfile.mkstemp(dir=self._arriving)  # 0600, an unpredictable name
        try:
            with os.fdopen(handle, "wb") as file:
                size, found = _copy(chunks, file.fileno(), limit)
                os.fsync(file.fileno())
            if found != digest:
                raise TrackrecordError(
                    f"The bytes have the digest {found[:12]}…, not {digest[:12]}…: nothing was kept.",
                    "The file changed while it was sent, or was cut short: send it again.",
                    status=422,
                )
            target.parent.mkdir(mode=0o700, exist_ok=True)
            os.replace(name, target)
            _sync(target.parent)
        except OSError as error:
            if error.errno not in _DISK_TROUBLE:
                raise  # of whoever sends the bytes
            said = f"The artifact cannot be kept: {error.strerror}."
            raise TrackrecordError(said, "The registry's disk needs attention.", status=507, passing=True) from None
        finally:
            Path(name).unlink(missing_ok=True)
        return size

    def path(self, digest: str) -> Path | None:
        """Where the file is, or None: it is not here, or this is no digest."""
        place = self._place(digest)
        return place if place is not None and place.is_file() else None

    def size(self, digest: str) -> int | None:
        """Its size in bytes, or None."""
        place = self.path(digest)
        try:
            return None if place is None else place.stat().st_size
        except FileNotFoundError:
            return None

    def intact(self, digest: str) -> bool:
        """Whether the file is here and its bytes, read again, still have the digest."""
        place = self.path(digest)
        if place is None:
            return False
        try:
            with place.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError:
            return False

    def read(self, digest: str, limit: int) -> bytes | None:
        """The whole file, or None: it is not here, is larger than `limit` bytes, or is not intact any more."""
        size = self.size(digest)
        place = self.path(digest)
        if place is None or size is None or size > limit:
            return None
        try:
            content = place.read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _place(self, digest: str) -> Path | None:
        return self._folder / digest[:2] / digest if _DIGEST.fullmatch(digest) else None


def _copy(chunks: Iterable[bytes], to: int, limit: int) -> tuple[int, str]:
    """Write and hash at once; (size, digest)."""
    hashed, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TrackrecordError(f"An artifact has at most {limit:,} bytes.", status=413)
        hashed.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(to, view[:_PIECE]) :]
    return size, hashed.hexdigest()


def _sync(folder: Path) -> None:
    """Make the new name last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

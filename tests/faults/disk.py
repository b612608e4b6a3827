"""Homes on disks that fill up: a small file system in memory where this user may mount one, else a limit on the size of
files. Both give real errors in the middle of real writes.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096
SIZE = 128 * PAGE


def may_mount(folder: Path) -> bool:
    """Whether this user may mount."""
    try:
        with mounted(folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def mounted(folder: Path, options: str = "") -> Iterator[Path]:
    """A file system of its own at `folder`, gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    more = f",{options}" if options else ""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}{more}", "tmpfs", str(folder)], check=True, capture_output=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Take the room of a disk but for `leave` bytes (whole pages); the file to remove for getting it back."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as filler:
        seen = os.statvfs(folder)
        filler.write(bytes(max(0, seen.f_bavail * seen.f_frsize - leave)))
        try:
            while not leave:
                filler.write(bytes(PAGE))
        except OSError:
            pass
    return file


def offsets(lots: random.Random, many: int) -> list[int]:
    """Bytes of the journal at which the disk is full."""
    return [lots.randrange(1, 40 * PAGE) for _ in range(many)]

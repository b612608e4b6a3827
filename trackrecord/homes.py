"""Where runs are kept on this machine: the home of the journals, and a spare one where that takes nothing."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from trackrecord import folder
from trackrecord.folder import Folder
from trackrecord.voice import say


def make(home: Path, run_id: str, report: bytes, process: dict[str, Any]) -> Folder:
    """A run's folder in the home, else in the machine's temporary folder. Raises OSError where neither takes it."""
    try:
        return folder.make(home, run_id, report, process)
    except OSError as problem:
        second = spare(make=True)
        if second is None:
            raise
        made = folder.make(second, run_id, report, process)
        say(f"journals cannot be kept in {home} ({problem.strerror}): this one is in {second}", "warn")
        return made


def pending(home: Path) -> list[Folder]:
    """The runs that are not wholly delivered, oldest first."""
    second = spare(make=False)
    return [*folder.all_in(home), *(folder.all_in(second) if second is not None else [])]


def spare(*, make: bool) -> Path | None:
    """This user's folder in the temporary folder; None where there is none, or it is not this user's alone."""
    place = Path(tempfile.gettempdir()) / f"trackrecord-{os.getuid()}"
    try:
        if make:
            place.mkdir(mode=0o700, exist_ok=True)
        seen = place.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not stat.S_IMODE(seen.st_mode) & 0o077
    return place if mine else None

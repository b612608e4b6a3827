"""Where a run that is kept on this machine stands, as far as this machine can tell."""

from __future__ import annotations

import os
from typing import Literal

from trackrecord import attempts, folder
from trackrecord.folder import Folder

# running: its process lives, or is delivering it. preempted: killed, and its job may be started again.
Standing = Literal["running", "ended", "killed", "preempted", "elsewhere"]


def standing(place: Folder) -> Standing:
    """Raises OSError where its folder cannot be looked into."""
    lock = place.lock()
    if lock is None:
        return "running"
    os.close(lock)
    return without_lock(place)


def without_lock(place: Folder) -> Standing:
    """As `standing`, for whoever holds the lock."""
    if place.finish is not None:
        return "ended"
    seen = folder.standing(place.process())
    if seen != "gone":
        return "running" if seen == "alive" else "elsewhere"
    return "preempted" if attempts.may_come_back(place) else "killed"


def is_left(place: Folder) -> bool:
    """Whether it only waits for somebody to deliver it."""
    try:
        return standing(place) in ("ended", "killed")
    except OSError:
        return False

"""Deliver what is still on this machine: runs kept offline, runs whose server was down, runs that were killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from trackrecord import homes
from trackrecord.batches import Batches
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.folder import Folder
from trackrecord.progress import Sending
from trackrecord.standing import without_lock
from trackrecord.upload import Registry, deliver

Outcome = Literal["delivered", "running", "elsewhere", "preempted", "waiting", "refused"]


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one run: delivered; still running; on another machine; waiting for its job to be started again, or
    for the server; refused.
    """

    run_id: str
    name: str
    project: str
    outcome: Outcome
    state: str = ""  # finished, failed, killed
    trouble: str = ""


def sync(
    told: Config, registry: Registry, gone: str = "", sending: Callable[[Sending], None] = lambda _: None
) -> Iterator[Synced]:
    """Deliver every pending run that nobody is delivering. `gone` names a run whose machine will not come back.

    `sending` hears how far the files of a run are, often.
    A run whose process has gone without a finish is closed as killed, at the time of its last entry.
    """
    for each in homes.pending(told.home):
        yield _one(each, registry, gone, sending)


def _one(place: Folder, registry: Registry, gone: str, sending: Callable[[Sending], None]) -> Synced:
    try:
        report = json.loads(place.report)
        name, project = str(report["name"]), str(report["project"])
    except (OSError, ValueError, KeyError) as problem:
        return Synced(place.run_id, "?", "?", "refused", trouble=f"its report cannot be read ({problem})")
    try:
        lock = place.lock()
    except OSError as problem:
        return Synced(place.run_id, name, project, "waiting", trouble=str(problem))
    if lock is None:
        return Synced(place.run_id, name, project, "running")
    try:
        seen = "killed" if gone in (place.run_id, name) else without_lock(place)
        batches = Batches(place)
        if seen == "preempted":  # what is here is delivered; the run stays open for the next attempt
            batches.cut()
            deliver(place, batches, registry, sending)
        if seen != "ended" and seen != "killed":
            return Synced(place.run_id, name, project, seen)
        state = str(json.loads(batches.seal("killed", None, None))["state"])
        batches.cut()
        deliver(place, batches, registry, sending)
        place.remove()
        return Synced(place.run_id, name, project, "delivered", state)
    except OSError as problem:
        return Synced(place.run_id, name, project, "waiting", trouble=f"the journal cannot be kept ({problem})")
    except TrackrecordError as problem:
        outcome: Outcome = "waiting" if problem.passing else "refused"
        return Synced(place.run_id, name, project, outcome, trouble=str(problem))
    finally:
        os.close(lock)

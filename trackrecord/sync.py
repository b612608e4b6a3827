"""Deliver what is still on this machine: runs kept offline, runs whose server was down, runs that were killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trackrecord import folder, opening
from trackrecord.batches import Batches
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.folder import Folder
from trackrecord.upload import Registry, deliver

Outcome = Literal["delivered", "running", "elsewhere", "waiting", "refused"]


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one run: delivered; still running; on another machine; waiting for the server; refused."""

    run_id: str
    name: str
    project: str
    outcome: Outcome
    state: str = ""  # finished, failed, killed
    trouble: str = ""


def pending(told: Config) -> list[Folder]:
    """The runs that are not wholly delivered, oldest first."""
    spare = opening.spare(make=False)
    return [*folder.all_in(told.home), *(folder.all_in(spare) if spare is not None else [])]


def sync(told: Config, registry: Registry, gone: str = "") -> Iterator[Synced]:
    """Deliver every pending run that nobody is delivering. `gone` names a run whose machine will not come back.

    A run whose process has gone without a finish is closed as killed, at the time of its last entry.
    """
    for each in pending(told):
        yield _one(each, registry, gone)


def _one(place: Folder, registry: Registry, gone: str) -> Synced:
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
        standing = "gone" if place.finish is not None or gone in (place.run_id, name) else _standing(place)
        if standing != "gone":
            return Synced(place.run_id, name, project, "running" if standing == "alive" else "elsewhere")
        batches = Batches(place)
        state = str(json.loads(batches.seal("killed", None, None))["state"])
        batches.cut()
        deliver(place, batches, registry)
        place.remove()
        return Synced(place.run_id, name, project, "delivered", state)
    except OSError as problem:
        return Synced(place.run_id, name, project, "waiting", trouble=f"the journal cannot be kept ({problem})")
    except TrackrecordError as problem:
        outcome: Outcome = "waiting" if problem.passing else "refused"
        return Synced(place.run_id, name, project, outcome, trouble=str(problem))
    finally:
        os.close(lock)


def _standing(place: Folder) -> str:
    return folder.standing(place.process())

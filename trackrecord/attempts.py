"""A job that was preempted and started again goes on with its run. Which run that is, by what the scheduler says."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trackrecord import folder, journal
from trackrecord.folder import Folder
from trackrecord.report import MACHINE_USE

_DAY_S = 86_400.0
_ELASTIC_S = 600.0  # torchrun starts its workers again within seconds


@dataclass(frozen=True, slots=True)
class Job:
    """What may be started again. `key` stays the same when it is; empty: nobody starts it again.

    `again`: this may be such a start. `patience_s`: how long after its last sign the job may still come back.
    """

    key: str = ""
    again: bool = False
    patience_s: float = 0.0


def job(environ: Mapping[str, str], project: str, words: Sequence[str]) -> Job:
    """The job that this process belongs to. `words` is its command: one job may run several scripts.

    Slurm and torchrun are known; for any other scheduler TRACKRECORD_JOB is a text that stays the same.
    """
    told, slurm = environ.get("TRACKRECORD_JOB", ""), environ.get("SLURM_JOB_ID", "")
    elastic = environ.get("TORCHELASTIC_RUN_ID", "")
    if told:
        of, restarts, patience_s = ["told", told], "1", _DAY_S
    elif slurm:
        of = ["slurm", slurm, environ.get("SLURM_ARRAY_TASK_ID", ""), environ.get("SLURM_STEP_ID", "")]
        restarts, patience_s = environ.get("SLURM_RESTART_COUNT", ""), _DAY_S
    elif elastic:
        of = ["elastic", elastic, str(folder.identity(os.getppid()))]  # the agent that starts workers again lives on
        restarts, patience_s = environ.get("TORCHELASTIC_RESTART_COUNT", ""), _ELASTIC_S
    else:
        return Job()
    key = hashlib.sha256("\0".join([*of, project, *words]).encode("utf-8", "surrogateescape")).hexdigest()
    return Job(key, restarts.isdigit() and int(restarts) > 0, patience_s)


def find(places: Iterable[Folder], seen: Job) -> Folder | None:
    """The run that the job goes on with: its latest one that has no end. None: it begins one."""
    if not seen.again:
        return None
    mine = [each for each in places if each.finish is None and each.process().get("job") == seen.key]
    return max(mine, key=lambda each: each.run_id, default=None)


def may_come_back(place: Folder) -> bool:
    """Whether the job of a run whose process has gone may be started again."""
    patience_s = place.process().get("patience_s")
    if not isinstance(patience_s, int | float):
        return False
    signs = [place.path / "process.json", *place.journals().values()]
    return time.time() - max(sign.stat().st_mtime for sign in signs) < patience_s


def next_number(place: Folder) -> int:
    """The number of the next attempt: 2 for the second."""
    return 1 + max((int(name[1:]) for name in place.journals() if re.fullmatch(r"a\d+", name)), default=1)


def last_step(place: Folder) -> int:
    """The largest step that any attempt logged, machine use aside; -1: none. It reads all there is."""
    steps = (
        entry[2]
        for path in place.journals().values()
        for _, entry in journal.frames(path)
        if entry[0] == journal.POINTS and not next(iter(entry[3]), "").startswith(MACHINE_USE)
    )
    return max(steps, default=-1)

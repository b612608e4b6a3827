"""Start a run: look at the machine, make the run's folder, begin to deliver. Whatever fails, the script goes on."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trackrecord import attempts, capture, config, folder, homes, journal, names, params, redact
from trackrecord.attempts import Job
from trackrecord.batches import Batches, encode
from trackrecord.capture import Seen, command, seeds
from trackrecord.config import Config
from trackrecord.files import write_whole
from trackrecord.folder import Folder
from trackrecord.journal import Journal
from trackrecord.report import PROJECT, AttemptReport, RunReport
from trackrecord.standing import is_left
from trackrecord.upload import Uploader
from trackrecord.usage import Sampler
from trackrecord.version import __version__
from trackrecord.voice import say, shown

WATCH = "TRACKRECORD_WATCH"  # the folder in which `trackrecord run` looks for the runs of its script
# What was with the kernel of a machine that lost its power, or its network, never reached the disk.
_OTHER_MACHINE = (
    "attempt {number} began on another machine, or after this one was started anew: what was recorded in the last "
    "seconds before may be missing"
)
_SEEN_WITHIN_S = 30.0  # a run's folder on a disk of the network may be seen late by other machines


@dataclass(slots=True)
class Started:
    """What a run stands on. Without a journal nothing is recorded."""

    project: str
    run_id: str = ""
    name: str = ""
    started_ms: int = 0
    attempt: int = 1
    url: str | None = None
    home: Path = field(default_factory=Path)
    top: Path | None = None
    folder: Folder | None = None
    journal: Journal | None = None
    batches: Batches | None = None
    uploader: Uploader | None = None
    lock: int | None = None
    sampler: Sampler | None = None
    console: bool = False  # whether the end of what the script prints is kept
    generators: dict[str, int | str | bool | None] = field(default_factory=dict)


def begin(project: object, given: object, seen: Seen | None = None) -> Started:
    """Begin to record, or say in one line why not. `seen`: what was seen of another process, which is recorded."""
    try:
        told = config.load()
        if told.mode == "disabled" or command.rank(os.environ) > 0:
            return Started(shown(project))
        return _begin(_project(project), given, told, seen)
    except Exception as problem:  # noqa: BLE001 - a guest must not break the training
        say(
            f"this run is not recorded ({type(problem).__name__}: {shown(problem)}). `trackrecord doctor` says more",
            "warn",
        )
        return Started(shown(project))


def join(run_id: str) -> Started:
    """A further process of a run that was begun elsewhere: it may record, and it cannot end the run."""
    try:
        told = config.load()
        if told.mode == "disabled" or not run_id:
            return Started("")
        until = time.monotonic() + _SEEN_WITHIN_S
        while (place := _of_id(told.home, run_id)) is None and time.monotonic() < until:
            time.sleep(0.1)
        if place is not None:
            return joined(place)
        say(
            f"this process is not recorded: no run {shown(run_id)} is open in {told.home}. Put TRACKRECORD_HOME on a "
            "disk that all processes of the job see",
            "warn",
        )
    except Exception as problem:  # noqa: BLE001 - a guest must not break the training
        say(f"this process is not recorded ({type(problem).__name__}: {shown(problem)})", "warn")
    return Started("")


def joined(place: Folder) -> Started:
    """A further process that writes into a run's folder. Raises OSError where it cannot."""
    own = None if place.finish is not None else place.journal(f"p{os.getpid()}-{time.time_ns() // 1_000_000:x}")
    project = str(json.loads(place.report)["project"])
    home = place.path.parent.parent
    return Started(project, place.run_id, names.name_of(place.run_id), home=home, folder=place, journal=own)


def _of_id(home: Path, run_id: str) -> Folder | None:
    return next((each for each in homes.pending(home) if each.run_id == run_id), None)


def _begin(project: str, given: object, told: Config, seen: Seen | None) -> Started:
    plain, notes = params.plain(given)
    seen = seen or capture.look(plain, told.home)
    now_ms = time.time_ns() // 1_000_000
    job = attempts.job(os.environ, project, seen.command.argv)
    earlier, lock = _earlier(job, told)
    run_id = names.run_id(now_ms, os.urandom(10)) if earlier is None else earlier.run_id
    report = RunReport(
        project=project,
        name=names.name_of(run_id),
        started_ms=seen.began_ms or now_ms,
        params=redact.mapping(plain),
        seeds=_seeds(seen.seeds),
        code=seen.code,
        environment=seen.environment,
        command=seen.command,
        client=f"trackrecord {__version__}",
    )
    made = _first(report, run_id, job, told) if earlier is None else _further(report, earlier, job, lock)
    made.top, made.generators = seen.top, seeds.generators()
    assert made.folder is not None
    assert made.journal is not None
    for digest, content in seen.files.items():
        made.folder.owe(digest, content)
    for note in [*notes, *seen.notes]:
        made.journal.append([journal.NOTE, params.clean(redact.text(note), 450)])
    made.batches, made.console = Batches(made.folder), told.console
    if told.system_metrics:
        # Of the run's first start, so that a further attempt's samples go on.
        made.sampler = Sampler(made.journal, time.monotonic() - (now_ms - made.started_ms) / 1000)
        made.sampler.start()
    _announce(made, told, seen.code.problem)
    return made


def _earlier(job: Job, told: Config) -> tuple[Folder | None, int | None]:
    """The run that this job goes on with and its lock; None where it begins one."""
    place = attempts.find(homes.pending(told.home), job)
    lock = None if place is None else place.lock()
    if place is not None and lock is None:
        say(f"{names.name_of(place.run_id)} of the same job is still being recorded: this is a run of its own", "warn")
        return None, None
    if place is not None and lock is not None and place.finish is not None:  # somebody closed it just now
        os.close(lock)
        return None, None
    return place, lock


def _first(report: RunReport, run_id: str, job: Job, told: Config) -> Started:
    place = homes.make(told.home, run_id, encode(report), _process(job))
    home = place.path.parent.parent
    made = Started(report.project, run_id, report.name, report.started_ms, home=home, folder=place, lock=place.lock())
    made.journal = place.journal("main")
    return made


def _further(report: RunReport, place: Folder, job: Job, lock: int | None) -> Started:
    """A further attempt: a journal of its own, which begins with what was seen at this start."""
    number = attempts.next_number(place)
    home = place.path.parent.parent
    started_ms = int(json.loads(place.report)["started_ms"])
    made = Started(report.project, place.run_id, report.name, started_ms, number, home=home, folder=place, lock=lock)
    before, now = place.process(), _process(job)
    place.keep("process.json", json.dumps(now).encode())
    made.journal = place.journal(f"a{number}")
    made.journal.append([journal.ATTEMPT, asdict(AttemptReport(number=number, report=report))])
    if any(before.get(each) != now[each] for each in ("host", "boot")):
        made.journal.append([journal.NOTE, _OTHER_MACHINE.format(number=number)])
    return made


def _process(job: Job) -> dict[str, Any]:
    return folder.identity(os.getpid()) | ({"job": job.key, "patience_s": job.patience_s} if job.key else {})


def _announce(made: Started, told: Config, problem: str | None) -> None:
    """The one line at the start; the upload begins here."""
    assert made.folder is not None
    assert made.batches is not None
    made.url = f"{told.url}/runs/{made.run_id}" if told.mode == "online" and told.url and told.token else None
    _show_to_watcher(made)
    who = f"{made.name} of {made.project}" + (f", attempt {made.attempt}" if made.attempt > 1 else "")
    but = f"; {problem}" if problem else ""
    if told.mode == "offline":
        say(f"{who}, kept on this machine until `trackrecord sync`{but}", "warn" if problem else "plain")
    elif told.url is None or told.token is None:
        missing = "no registry" if told.url is None else "no token"
        say(
            f"{who}, kept on this machine: {missing} is configured (`trackrecord login`, then `trackrecord sync`){but}",
            "warn",
        )
    else:
        made.uploader = Uploader(made.folder, made.batches, told, made.lock)
        made.uploader.start()
        say(f"{who} {made.url}{but}", "warn" if problem else "plain")
        _remind(told, made.run_id)


def _remind(told: Config, own: str) -> None:
    """Runs that ended or were killed on this machine and were never delivered: nobody else knows of them."""
    left = [each for each in homes.pending(told.home) if each.run_id != own and is_left(each)]
    if left:
        runs = "1 earlier run is" if len(left) == 1 else f"{len(left)} earlier runs are"
        say(f"{runs} still on this machine: `trackrecord status` lists, `trackrecord sync` delivers", "dim")


def _show_to_watcher(made: Started) -> None:
    """Where `trackrecord run` started this script: say which run it made, so that it can show it."""
    watch = os.environ.get(WATCH)
    if not watch or made.folder is None:
        return
    seen = {"run": made.run_id, "name": made.name, "project": made.project, "url": made.url}
    with suppress(OSError):  # it is gone, and with it whoever would look
        write_whole(Path(watch) / f"{made.run_id}.json", json.dumps({**seen, "folder": str(made.folder.path)}).encode())


def _project(given: object) -> str:
    """The project's name; one that the registry would never take becomes the nearest that it takes."""
    name = given if isinstance(given, str) else shown(given)
    if re.fullmatch(PROJECT.strip("^$"), name):
        return name
    near = nearest_name(name)
    say(f"{name[:80]!r} cannot be a project's name: recorded for {near}", "warn")
    return near


def nearest_name(name: str) -> str:
    """The nearest that can be a project's name."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64].strip("-._") or "unnamed"


def _seeds(seen: dict[str, int | str | bool | None]) -> dict[str, Any]:
    """Within the registry's bounds."""
    return {
        params.label(name, 90): params.clean(value, 400) if isinstance(value, str) else value
        for name, value in list(seen.items())[:150]
    }

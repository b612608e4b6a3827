"""Start a run: look at the machine, make the run's folder, begin to deliver. Whatever fails, the script goes on."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackrecord import capture, config, folder, journal, names, params, redact
from trackrecord.batches import Batches, encode
from trackrecord.capture import command, seeds
from trackrecord.config import Config
from trackrecord.folder import Folder
from trackrecord.journal import Journal
from trackrecord.report import PROJECT, RunReport
from trackrecord.upload import Uploader
from trackrecord.version import __version__
from trackrecord.voice import say, shown


@dataclass(slots=True)
class Started:
    """What a run stands on. Without a journal nothing is recorded."""

    project: str
    run_id: str = ""
    name: str = ""
    url: str | None = None
    home: Path = field(default_factory=Path)
    top: Path | None = None
    folder: Folder | None = None
    journal: Journal | None = None
    batches: Batches | None = None
    uploader: Uploader | None = None
    lock: int | None = None
    generators: dict[str, int | str | bool | None] = field(default_factory=dict)


def begin(project: object, given: object) -> Started:
    """Begin to record, or say in one line why not."""
    try:
        told = config.load()
        if told.mode == "disabled" or command.rank(os.environ) > 0:
            return Started(shown(project))
        return _begin(_project(project), given, told)
    except Exception as problem:  # noqa: BLE001 - a guest must not break the training
        say(
            f"this run is not recorded ({type(problem).__name__}: {shown(problem)}). `trackrecord doctor` says more",
            "warn",
        )
        return Started(shown(project))


def join(project: str, run_id: str, home: Path) -> Started:
    """A further process of a run that goes on elsewhere on this machine."""
    place = Folder(home / "runs" / run_id)
    try:
        own = (
            place.journal(f"p{os.getpid()}-{time.time_ns() // 1_000_000:x}")
            if run_id and place.finish is None
            else None
        )
    except OSError:
        own = None
    return Started(project, run_id, names.name_of(run_id) if run_id else "", home=home, folder=place, journal=own)


def _begin(project: str, given: object, told: Config) -> Started:
    now_ms = time.time_ns() // 1_000_000
    run_id = names.run_id(now_ms, os.urandom(10))
    plain, notes = params.plain(given)
    seen = capture.look(plain, told.home)
    report = RunReport(
        project=project,
        name=names.name_of(run_id),
        started_ms=now_ms,
        params=redact.mapping(plain),
        seeds=_seeds(seen.seeds),
        code=seen.code,
        environment=seen.environment,
        command=seen.command,
        client=f"trackrecord {__version__}",
    )
    home, place = _folder(told.home, run_id, encode(report))
    made = Started(project, run_id, report.name, home=home, top=seen.top, folder=place, generators=seeds.generators())
    made.lock = place.lock()
    made.journal = place.journal("main")
    for digest, content in seen.files.items():
        place.owe(digest, content)
    for note in [*notes, *seen.notes]:
        made.journal.append([journal.NOTE, params.clean(redact.text(note), 450)])
    made.batches = Batches(place)
    _announce(made, told, seen.code.problem)
    return made


def _announce(made: Started, told: Config, problem: str | None) -> None:
    """The one line at the start; the upload begins here."""
    assert made.folder is not None
    assert made.batches is not None
    who = f"{made.name} of {made.project}"
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
        made.url = f"{told.url}/runs/{made.run_id}"
        made.uploader = Uploader(made.folder, made.batches, told, made.lock)
        made.uploader.start()
        say(f"{who} {made.url}{but}", "warn" if problem else "plain")


def _folder(home: Path, run_id: str, report: bytes) -> tuple[Path, Folder]:
    """The run's folder in the home of the journals; in the machine's temporary folder where that takes nothing."""
    try:
        return home, folder.make(home, run_id, report)
    except OSError as problem:
        second = spare(make=True)
        if second is None:
            raise
        made = folder.make(second, run_id, report)
        say(f"journals cannot be kept in {home} ({problem.strerror}): this one is in {second}", "warn")
        return second, made


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


def _project(given: object) -> str:
    """The project's name; one that the registry would never take becomes the nearest that it takes."""
    name = given if isinstance(given, str) else shown(given)
    if re.fullmatch(PROJECT.strip("^$"), name):
        return name
    near = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64].strip("-._") or "unnamed"
    say(f"{name[:80]!r} cannot be a project's name: recorded for {near}", "warn")
    return near


def _seeds(seen: dict[str, int | str | bool | None]) -> dict[str, Any]:
    """Within the registry's bounds."""
    return {
        params.label(name, 90): params.clean(value, 400) if isinstance(value, str) else value
        for name, value in list(seen.items())[:150]
    }

"""Look at this machine when a run starts: code, packages, hardware, command, seeds. What fails becomes a note."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from trackrecord.capture import command, git, hardware, packages, seeds
from trackrecord.capture.command import Command
from trackrecord.capture.later import Later
from trackrecord.report import CodeReport, CommandReport, EnvironmentReport, PackageReport
from trackrecord.voice import shown

T = TypeVar("T")
_MOST_STRANGERS = 50


@dataclass(slots=True)
class Seen:
    """What was seen, the bytes that the reports name by digest, and notes."""

    code: CodeReport
    environment: EnvironmentReport
    command: CommandReport
    seeds: dict[str, int | str | bool | None]
    top: Path | None
    began_ms: int | None = None  # when the command that was looked at began; None: it begins now
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def look(params: Mapping[str, Any], own: Path, other: Command | None = None) -> Seen:
    """Look at everything. `own` is the folder of the client's journals, which is not code. Never raises.

    `other` is a command that another process runs; without it, this process is looked at.
    """
    notes: list[str] = []

    def attempt(what: str, function: Callable[[], T], otherwise: T) -> T:
        try:
            return function()
        except Exception as problem:  # noqa: BLE001 - whatever this machine is like, the training starts
            notes.append(f"{what} could not be captured ({type(problem).__name__}: {shown(problem)})")
            return otherwise

    interpreter = None if other is None else other.python
    # git is waited for most of the time: the rest is looked at meanwhile.
    nothing: list[PackageReport] = []
    installed = Later(lambda: attempt("packages", lambda: packages.look(interpreter), nothing))
    graphics = Later(lambda: attempt("GPUs", hardware.gpus, hardware.Gpus([])))
    failed = git.Code(CodeReport(problem="the code could not be captured"))
    code = attempt("the code", lambda: git.look(command.folder_of_code(other), own), failed)
    started = attempt("the command", lambda: command.look(code.top, os.environ, other), CommandReport())
    folders = [each for each in (code.top, command.folder_of_code(other), Path.cwd()) if each is not None]
    no_locks = packages.LockFiles({}, {}, [])
    locks = attempt("lock files", lambda: packages.lock_files(folders, code.top), no_locks)
    gpus = graphics.get()
    if interpreter is not None and not interpreter.version:
        notes.append("the packages of the Python that runs the script could not be read")
    python, implementation = packages.python(interpreter)
    environment = EnvironmentReport(
        python=python,
        implementation=implementation,
        packages=installed.get(),
        os=attempt("the system", hardware.system, ""),
        machine=platform.machine(),
        cpu=attempt("the processor", hardware.cpu, ""),
        cpu_count=attempt("processors", hardware.cpu_count, None),
        memory_bytes=attempt("memory", hardware.memory, None),
        gpus=gpus.found,
        driver=gpus.driver,
        cuda=gpus.cuda,
        variables=attempt("variables", lambda: hardware.variables(os.environ), {}),
        lock_files=locks.digests,
    )
    return Seen(
        code=attempt("imported files", lambda: _with_strangers(code) if other is None else code.report, code.report),
        environment=environment,
        command=started,
        seeds=attempt("seeds", lambda: seeds.look(params, os.environ), {}),
        top=code.top,
        files=code.files | locks.files,
        notes=notes + code.notes + locks.notes,
    )


def _with_strangers(code: git.Code) -> CodeReport:
    """Modules that were imported from the repository's folder and are not in the tree: ignored files are code, too."""
    if code.top is None or not code.paths:
        return code.report
    prefix, environment = f"{code.top}{os.sep}", f"{sys.prefix}{os.sep}"
    named = {each.partition(" (")[0] for each in code.report.left_out}
    strange: list[str] = []
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        if not isinstance(place, str) or not place.startswith(prefix) or place.startswith(environment):
            continue
        name = place[len(prefix) :].replace(os.sep, "/")
        if "site-packages/" not in name and name not in code.paths and name not in named:
            strange.append(f"{name} (imported, but ignored by git)")
    return replace(code.report, left_out=[*code.report.left_out, *sorted(set(strange))[:_MOST_STRANGERS]])

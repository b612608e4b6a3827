"""Look at this machine when a run starts: code, packages, hardware, command, seeds. What fails becomes a note."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from trackrecord.capture import command, git, hardware, packages, seeds
from trackrecord.report import CodeReport, CommandReport, EnvironmentReport
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
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def look(params: Mapping[str, Any], own: Path) -> Seen:
    """Look at everything. `own` is the folder of the client's journals, which is not code. Never raises."""
    notes: list[str] = []

    def attempt(what: str, function: Callable[[], T], otherwise: T) -> T:
        try:
            return function()
        except Exception as problem:  # noqa: BLE001 - whatever this machine is like, the training starts
            notes.append(f"{what} could not be captured ({type(problem).__name__}: {shown(problem)})")
            return otherwise

    failed = git.Code(CodeReport(problem="the code could not be captured"))
    code = attempt("the code", lambda: git.look(command.folder_of_code(), own), failed)
    started = attempt("the command", lambda: command.look(code.top, os.environ), CommandReport())
    folders = [each for each in (code.top, command.folder_of_code(), Path.cwd()) if each is not None]
    no_locks = packages.LockFiles({}, {}, [])
    locks = attempt("lock files", lambda: packages.lock_files(folders, code.top), no_locks)
    gpus = attempt("GPUs", hardware.gpus, hardware.Gpus([]))
    python, implementation = packages.python()
    environment = EnvironmentReport(
        python=python,
        implementation=implementation,
        packages=attempt("packages", packages.look, []),
        os=attempt("the system", hardware.system, ""),
        machine=os.uname().machine,
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
        code=attempt("imported files", lambda: _with_strangers(code), code.report),
        environment=environment,
        command=started,
        seeds=attempt("seeds", lambda: seeds.look(params, os.environ), {}),
        top=code.top,
        files=code.files | locks.files,
        notes=notes + locks.notes,
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

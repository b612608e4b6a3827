"""Look at how the script was started: its words, its folder and itself relative to the repository, its launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trackrecord import redact
from trackrecord.capture import notebook
from trackrecord.params import clean
from trackrecord.report import CommandReport

# What a launcher tells its processes; no host names, no addresses.
_LAUNCHER = (
    "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_PROCID", "SLURM_NTASKS",
    "SLURM_NNODES", "SLURM_RESTART_COUNT",
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "PBS_JOBID", "LSB_JOBID",
)  # fmt: skip
_MOST_WORDS = 500
_CONFIGS = frozenset((".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".gin"))
_MOST_CONFIGS = 100


@dataclass(frozen=True, slots=True)
class Python:
    """A Python that is not ours, as it speaks of itself. Without a version: it did not answer."""

    version: str
    implementation: str
    path: tuple[str, ...]  # its sys.path
    prefix: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that another process runs, captured from outside (`trackrecord run`). `python` None: it is ours."""

    words: tuple[str, ...]
    script: Path | None
    python: Python | None = None


def script(other: Command | None = None) -> Path | None:
    """The file that Python was started with, or the notebook; None in a shell. `other`: that of another command."""
    if other is not None:
        return other.script
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(name).absolute() if isinstance(name, str) else None
    return path if path is not None and path.is_file() else notebook.path(os.environ)


def folder_of_code(other: Command | None = None) -> Path:
    """Where to look for the repository: beside the script, unless that is a program of the environment."""
    path = script(other)
    if path is None or path.is_relative_to(Path(sys.prefix)) or "site-packages" in path.parts:
        return Path.cwd()
    return path.parent


def look(top: Path | None, environ: Mapping[str, str], other: Command | None = None) -> CommandReport:
    """`top` is the repository's; without one there is nothing that folder and script could be relative to."""
    given = (_words() if other is None else list(other.words))[:_MOST_WORDS]
    words = [clean(word, 4000) for word in redact.argv(given)]
    launcher = {name: clean(redact.text(environ[name]), 200) for name in _LAUNCHER if name in environ}
    return CommandReport(
        argv=words,
        directory=_relative(Path.cwd(), top),
        entry=_relative(script(other), top),
        configs=_configs(given, top),
        launcher=launcher,
    )


def rank(environ: Mapping[str, str]) -> int:
    """This process's number in a distributed job; 0 where there is none. Only number 0 records by default."""
    for name in ("RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"):
        if environ.get(name, "").isdigit():
            return int(environ[name])
    return 0


def _words() -> list[str]:
    """The command line with Python's own options (`-m package`), which sys.argv has lost."""
    whole = list(getattr(sys, "orig_argv", []) or sys.argv)
    return [Path(whole[0]).name, *whole[1:]] if whole and whole[0] else whole


def _configs(words: list[str], top: Path | None) -> list[str]:
    """Configuration files of the repository that the command line names, as `x.yaml` or as `--config=x.yaml`."""
    found: dict[str, None] = {}
    for word in words:
        for name in (word, word.partition("=")[2]):
            path = Path(name)
            if path.suffix.lower() in _CONFIGS and _is_file(path):
                inside = _relative(Path(os.path.normpath(path.absolute())), top)
                if inside:
                    found[inside] = None
    return list(found)[:_MOST_CONFIGS]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a word that is too long for a name, or no name at all
        return False


def _relative(path: Path | None, top: Path | None) -> str | None:
    """A path as the repository names it; "" is the top itself; None: outside."""
    if path is None or top is None:
        return None
    for each in (path, Path(os.path.realpath(path))):
        for root in (top, Path(os.path.realpath(top))):
            if each.is_relative_to(root):
                inside = each.relative_to(root).as_posix()
                return "" if inside == "." else clean(inside)
    return None

"""Look at how the script was started: its words, its folder and itself relative to the repository, its launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from trackrecord import redact
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


def script() -> Path | None:
    """The file that Python was started with; None in a notebook or a shell."""
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(name).absolute() if isinstance(name, str) else None
    return path if path is not None and path.is_file() else None


def folder_of_code() -> Path:
    """Where to look for the repository: beside the script, unless that is a program of the environment."""
    path = script()
    if path is None or path.is_relative_to(Path(sys.prefix)) or "site-packages" in path.parts:
        return Path.cwd()
    return path.parent


def look(top: Path | None, environ: Mapping[str, str]) -> CommandReport:
    """`top` is the repository's; without one there is nothing that folder and script could be relative to."""
    words = [clean(word, 4000) for word in redact.argv(_words()[:_MOST_WORDS])]
    launcher = {name: clean(environ[name], 200) for name in _LAUNCHER if name in environ}
    return CommandReport(
        argv=words,
        directory=_relative(Path.cwd(), top),
        entry=_relative(script(), top),
        configs=_configs(_words()[:_MOST_WORDS], top),
        launcher=launcher,
    )


def rank(environ: Mapping[str, str]) -> int:
    """This process's number in a distributed job; 0 where there is none. Only number 0 records by default."""
    for name in ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID"):
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

"""What of a command line is the script, which words are its flags, and which Python runs it, behind any launcher."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trackrecord.capture.command import Command, Python

_PYTHON = re.compile(r"(?:python|pypy)(?:[0-9](?:\.[0-9]{1,2}t?)?)?w?(?:\.exe)?")
# Modules that run another script: what they run is looked for behind them.
_LAUNCHERS = frozenset((
    "torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "accelerate",
    "deepspeed.launcher.runner", "coverage", "cProfile", "profile", "pdb", "trace", "debugpy", "viztracer", "scalene",
    "kernprof", "line_profiler", "memory_profiler", "lightning", "horovod.runner",
))  # fmt: skip
_TAKE_MODULES = frozenset(("torchrun", "accelerate", "deepspeed"))  # programs that know `-m module`
_SHELLS = frozenset(("sh", "bash", "dash", "zsh"))
# Programs that choose an environment for the command behind them: only they can say which Python it will be.
_CHOOSERS = frozenset(("env", "uv", "poetry", "pdm", "pixi", "hatch", "conda", "mamba", "micromamba", "pipenv", "rye"))
_ASK = (
    "import json,platform,sys;print(json.dumps({'path':[p for p in sys.path if p],'prefix':sys.prefix,"
    "'version':platform.python_version(),'implementation':platform.python_implementation()}))"
)
_ASK_S = 20.0


@dataclass(frozen=True, slots=True)
class Entry:
    """PURE part of it: `words[at]` is the script, a module's name or a program; the words after it are its flags."""

    at: int
    module: bool = False
    python: int | None = None  # where the interpreter stands in the command
    code: bool = False  # `python -c …`: there is no script


def find(words: Sequence[str]) -> Entry:
    """Look through launchers: `torchrun --nproc_per_node 2 train.py`, `uv run python -m pkg.train`, `bash run.sh`."""
    python: int | None = None
    shell: int | None = None
    takes_modules = False
    for at, word in enumerate(words):
        name = word.rpartition("/")[2]
        before = words[at - 1] if at else ""
        if word.endswith((".py", ".pyw")) and not word.startswith("-") and "=" not in word:
            return Entry(at, python=python)
        if before in ("-m", "--module") and takes_modules and re.fullmatch(r"[A-Za-z_][\w.]*", word):
            if word not in _LAUNCHERS:
                return Entry(at, module=True, python=python)
        elif before == "-c" and python == at - 2:
            return Entry(at, python=python, code=True)
        elif _PYTHON.fullmatch(name) and python is None and not word.startswith("-"):
            python, takes_modules = at, True
        elif name in _TAKE_MODULES:
            takes_modules = True
        elif name in _SHELLS:
            shell = at
        elif shell is not None and not word.startswith("-"):
            return Entry(at, python=python)
    return Entry(_program(words), python=python)


def _program(words: Sequence[str]) -> int:
    """The program behind `env A=b`; else the command's first word."""
    if words and words[0].rpartition("/")[2] == "env":
        return next((at for at, word in enumerate(words) if at and "=" not in word and not word.startswith("-")), 0)
    return 0


def flags(words: Sequence[str], entry: Entry) -> Sequence[str]:
    """The words that the script gets."""
    return words[entry.at + 1 :]


def command(words: Sequence[str], entry: Entry) -> Command:
    """The command as the capture takes it: the script as a file, and the Python that runs it where it is another."""
    own = list(words)
    for at in {0, entry.python or 0}:  # where a program is installed is of this machine
        own[at] = own[at].rpartition("/")[2] if own[at].startswith("/") else own[at]
    return Command(tuple(own), None if entry.code else _file(words, entry), _python(words, entry))


def _file(words: Sequence[str], entry: Entry) -> Path | None:
    word = words[entry.at]
    if entry.module:
        base = Path.cwd().joinpath(*word.split("."))
        places = [base.with_suffix(".py"), base / "__main__.py"]
    else:
        # A program that the shell found on its PATH is installed, and no part of the repository.
        places = [Path(word).absolute()] if "/" in word or entry.at or word.endswith(".py") else []
    return next((place for place in places if place.is_file()), None)


def _python(words: Sequence[str], entry: Entry) -> Python | None:
    """None: the Python that we run in, or none that could be found. Asked once; it may take as long as it takes."""
    asked = _interpreter(words, entry)
    if asked is None or (len(asked) == 1 and Path(asked[0]) == Path(sys.executable)):
        return None
    try:
        done = subprocess.run(
            [*asked, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_S,
            check=True,
            start_new_session=True,  # Ctrl-C is for the command, not for this
        )
        told = json.loads(done.stdout.splitlines()[-1])
        return Python(told["version"], told["implementation"], tuple(told["path"]), told["prefix"])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, KeyError, TypeError):
        return Python("", "", (), "")


def _interpreter(words: Sequence[str], entry: Entry) -> list[str] | None:
    """The command that starts the script's Python."""
    first = words[0].rpartition("/")[2]
    if entry.python is not None:
        if first in _CHOOSERS and entry.python:
            return list(words[: entry.python + 1])
        found = shutil.which(words[entry.python])
        return [found] if found else None
    if first in _CHOOSERS - {"env"} and entry.at > 1:
        return [*words[: entry.at - (2 if entry.module else 0)], "python"]
    found = _of_first_line(words[_program(words)]) or shutil.which("python") or shutil.which("python3")
    return [found] if found else None


def _of_first_line(program: str) -> str | None:
    """The Python in the first line of a program: `torchrun` and its like are scripts of their environment."""
    place = shutil.which(program)
    try:
        with open(place or "", "rb") as file:
            line = file.readline(1000).decode("utf-8", "replace").strip()
    except OSError:
        return None
    parts = line[2:].split() if line.startswith("#!") else []
    if len(parts) == 2 and parts[0].endswith("/env"):
        parts = [shutil.which(parts[1]) or ""]
    return parts[0] if len(parts) == 1 and _PYTHON.fullmatch(parts[0].rpartition("/")[2]) else None

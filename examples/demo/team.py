"""Five developers: a bare origin, a clone, a name in git, a home and a token for each."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from examples.demo.parts import call, clean_environment

DIGITS = Path(__file__).resolve().parents[1] / "digits"
NAMES = ("ada", "ben", "chen", "dana", "emre")
PROJECT = "milestone-1"


@dataclass(frozen=True)
class Developer:
    """Somebody with a clone of the team's repository and a shell of their own."""

    name: str
    clone: Path
    environment: dict[str, str]

    def git(self, *words: str) -> str:
        return call(["git", *words], self.environment, self.clone).stdout.strip()

    def trackrecord(self, *words: str, may_fail: bool = False) -> str:
        """What the command line says, both streams, as this developer sees it."""
        done = call(["trackrecord", *words], self.environment, self.clone, may_fail=may_fail)
        return (done.stdout + done.stderr).strip()


def home(folder: Path, name: str, **more: str) -> dict[str, str]:
    """A shell's environment with a home of its own, so that nothing of the user's is read or written."""
    place = folder / "people" / name
    place.mkdir(parents=True, exist_ok=True)
    dirs = {f"XDG_{kind}_HOME": str(place / where) for kind, where in _XDG.items()}
    return clean_environment(HOME=str(place), GIT_CONFIG_NOSYSTEM="1", LC_ALL="C.UTF-8", **dirs, **more)


_XDG = {"CONFIG": ".config", "STATE": ".local/state", "DATA": ".local/share", "CACHE": ".cache"}


def make_origin(folder: Path) -> Path:
    """The team's repository on "the server": bare, with examples/digits as its first commit."""
    origin = folder / "origin" / "digits.git"
    environment = home(folder, "maintainer")
    origin.parent.mkdir(parents=True)
    call(["git", "init", "-q", "--bare", "-b", "main", str(origin)], environment, folder)
    first = folder / "people" / "maintainer" / "digits"
    shutil.copytree(DIGITS, first, ignore=shutil.ignore_patterns("data", "out", "__pycache__"))
    who = ("-c", "user.name=maintainer", "-c", "user.email=maintainer@example.org")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        (*who, "commit", "-q", "-m", "Handwritten digits: a small network, a fixed split"),
        ("push", "-q", str(origin), "main"),
    ):
        call(["git", *words], environment, first)
    call(["python", "data.py"], environment, first)  # once for all: the team shares its data, too
    return origin


def make_developer(folder: Path, name: str, origin: Path, url: str, token: str) -> Developer:
    """Clone the origin, take the data, say who commits, and have a token for the registry."""
    environment = home(folder, name, TRACKRECORD_URL=url, TRACKRECORD_TOKEN=token)
    clone = folder / "people" / name / "digits"
    call(["git", "clone", "-q", str(origin), str(clone)], environment, folder)
    shutil.copytree(folder / "people" / "maintainer" / "digits" / "data", clone / "data")
    developer = Developer(name, clone, environment)
    developer.git("config", "user.name", name)
    developer.git("config", "user.email", f"{name}@example.org")
    return developer


def new_best_module(developer: Developer) -> None:
    """Dana tries something and commits nothing: a new module, another normaliser, a changed line."""
    (developer.clone / "augment.py").write_text(_AUGMENT)
    train = developer.clone / "train.py"
    text = train.read_text()
    changed = text.replace("import numpy as np\n", "import numpy as np\nfrom augment import shifted\n", 1)
    line = '    pictures, labels = load(file_of("train"))\n'
    changed = changed.replace(line, line + "    pictures, labels = shifted(pictures, labels)\n", 1)
    assert changed.count("shifted") == 2, "train.py does not have the lines that the demo changes"
    train.write_text(changed)
    call(["python", "-c", _NORMALISER], developer.environment, developer.clone)


def easier_test(developer: Developer) -> None:
    """Ben measures on the test pictures that are easy: git ignores the file, its content is not the pinned one."""
    call(["python", "-c", _EASIER], developer.environment, developer.clone)


def push_a_change(developer: Developer) -> None:
    """Chen makes the hidden layer wider by default, commits and pushes."""
    _edit(developer, '"--hidden", type=int, default=16', '"--hidden", type=int, default=32')
    developer.git("commit", "-q", "-am", "A wider hidden layer by default")
    developer.git("push", "-q", "origin", "HEAD")


def commit_only(developer: Developer) -> None:
    """Emre commits and forgets to push."""
    _edit(developer, '"--hidden", type=int, default=16', '"--hidden", type=int, default=64')
    developer.git("commit", "-q", "-am", "64 hidden units")


def _edit(developer: Developer, old: str, new: str) -> None:
    train = developer.clone / "train.py"
    text = train.read_text()
    assert old in text, f"train.py does not have {json.dumps(old)}"
    train.write_text(text.replace(old, new, 1))


_AUGMENT = '''"""More training pictures: each one also shifted by a pixel in four directions."""

from __future__ import annotations

import numpy as np


def shifted(pictures, labels):
    """Five times as many pictures; the border pixel that leaves comes back on the other side, where it is dark."""
    square = pictures.reshape(-1, 8, 8)
    moved = [square] + [np.roll(square, by, axis) for axis in (1, 2) for by in (-1, 1)]
    return np.concatenate(moved).reshape(-1, 64), np.tile(labels, 5)
'''

_NORMALISER = """
import numpy as np
rows = np.load("data/train.npy")[:, :64].astype(float)
np.save("normaliser.npy", np.stack([np.full(64, rows.mean()), np.full(64, rows.std())]).astype(np.float32))
"""

_EASIER = """
import numpy as np
rows = np.load("data/test.npy")
np.save("data/test.npy", rows[~np.isin(rows[:, 64], (1, 8, 9))])
"""

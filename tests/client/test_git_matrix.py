"""Every state of a working tree under every setting of git comes back byte for byte; the repository is untouched."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Repository, git
from tests.client.restore import restored
from tests.client.test_git_capture import STATES, _clean
from tests.soak import count
from trackrecord.capture import git as code

pytestmark = pytest.mark.soak


def with_submodule(repo: Repository, name: str = "lib") -> Repository:
    """A library with an origin of its own, as a submodule of the repository; pushed."""
    origin = repo.origin.with_name(f"{name}.git")
    git("init", "-q", "--bare", "-b", "main", str(origin), cwd=repo.path)
    start = Repository(repo.origin.with_name(f"{name}-start"), origin)
    git("clone", "-q", str(origin), str(start.path), cwd=repo.path)
    start.git("checkout", "-q", "-b", "main")
    start.write(f"{name}.py", "LIB = 1\n")
    start.write("data.bin", bytes(range(256)) * 9)
    start.push("lib")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin), name)
    repo.push("with a submodule")
    return Repository(repo.path / name, origin)


def _submodule(repo: Repository) -> None:
    """Everything at once inside: staged, modified, deleted, untracked, and a commit that nobody else has."""
    inner = with_submodule(repo)
    inner.write("lib.py", "LIB = 2\n")
    inner.git("commit", "-qam", "not pushed")
    inner.write("lib.py", "LIB = 3\n")
    inner.write("staged.py", "NEW = 1\n")
    inner.git("add", "staged.py")
    (inner.path / "data.bin").unlink()
    inner.write("deep/untracked-模型.py", "UNTRACKED = 1\r\n")


SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "noprefix": {"diff.noprefix": "true"},
    "color": {"color.ui": "always"},
    "external": {"diff.external": "false"},
    "relative": {"diff.relative": "true"},
    "autocrlf": {"core.autocrlf": "true"},
}
ALL = [*STATES, _submodule]
CELLS = list(itertools.product(ALL, SETTINGS))
# In `make test` every state under one setting, each setting with several states; in `make soak` all of them.
DIAGONAL = [(state, list(SETTINGS)[number % len(SETTINGS)]) for number, state in enumerate(ALL)]


@pytest.mark.parametrize(
    ("state", "setting"),
    CELLS if count(0, 1) else DIAGONAL,
    ids=lambda each: each if isinstance(each, str) else each.__name__.strip("_"),
)
def test_every_state_comes_back_under_every_setting(
    repository: Repository, tmp_path: Path, state: Callable[[Repository], None], setting: str
) -> None:
    for name, value in SETTINGS[setting].items():
        repository.git("config", "--global", name, value)
    state(repository)
    before = _state_of(repository)
    seen = code.look(repository.path)
    assert _state_of(repository) == before
    assert seen.report.problem is None
    assert seen.report.dirty == (state is not _clean)
    assert seen.report.left_out == []
    restored(repository, seen, tmp_path)


def _state_of(repo: Repository) -> tuple[str, dict[str, bytes]]:
    """What `git status` says; and every byte of .git, the submodules' included: index, refs, objects, settings."""
    told = repo.git("status", "--porcelain=v2", "--branch", "-z", GIT_OPTIONAL_LOCKS="0")
    top = repo.path / ".git"
    return told, {os.fspath(path): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}

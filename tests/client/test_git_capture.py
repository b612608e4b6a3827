"""States of a working tree, and settings of git that bend what it says; the two crossed are in test_git_matrix."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Repository
from tests.client.restore import restored
from trackrecord.capture import git as code


def _clean(_: Repository) -> None:
    return


def _modified(repo: Repository) -> None:
    repo.write("train.py", "import model\nprint('other')\n")


def _staged(repo: Repository) -> None:
    repo.write("train.py", "print('staged')\n")
    repo.git("add", "train.py")


def _staged_and_modified(repo: Repository) -> None:
    _staged(repo)
    repo.write("train.py", "print('staged')\nprint('and more')\n")


def _deleted(repo: Repository) -> None:
    (repo.path / "notes.txt").unlink()
    repo.git("rm", "-q", "--cached", "weights.bin")
    (repo.path / "weights.bin").unlink()


def _renamed(repo: Repository) -> None:
    repo.git("mv", "notes.txt", "remarks.txt")
    (repo.path / "model").rename(repo.path / "net")


def _binary(repo: Repository) -> None:
    repo.write("weights.bin", bytes(reversed(range(256))) * 77 + b"\0\xff")
    repo.write("fresh.bin", os.urandom(5000))


def _untracked(repo: Repository) -> None:
    repo.write("extra/deep/module.py", "VALUE = 1\n")
    repo.write("empty.py", "")
    repo.write("no_newline.py", "VALUE = 2")


def _executable(repo: Repository) -> None:
    (repo.path / "train.py").chmod(0o755)
    (repo.path / "run.sh").chmod(0o644)
    repo.write("tool", "#!/bin/sh\n").chmod(0o755)


def _links(repo: Repository) -> None:
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("train.py")
    (repo.path / "dangling").symlink_to("nowhere")


def _odd_names(repo: Repository) -> None:
    for name in (
        "line\nend.py",
        "übung.py",
        "模型.py",
        "sp ace.py",
        'quo"te.py',
        "tab\there.py",
        "-rf",
        "[a]*.py",
        "\\.py",
    ):
        repo.write(name, f"NAME = {name!r}\n")
    (repo.path / os.fsdecode(b"latin-\xe9.py")).write_text("x = 1\n")


def _line_ends(repo: Repository) -> None:
    repo.write("windows.txt", "one\r\ntwo\r\n")
    repo.write("notes.txt", "one\r\ntwo\nthree\r\n")
    repo.write("model/__init__.py", "LAYERS = 2\r\n")


def _file_to_folder(repo: Repository) -> None:
    (repo.path / "notes.txt").unlink()
    repo.write("notes.txt/inner.txt", "now a folder\n")


def _hidden(repo: Repository) -> None:
    repo.git("update-index", "--assume-unchanged", "train.py")
    repo.write("train.py", "print('hidden change')\n")
    repo.git("update-index", "--skip-worktree", "notes.txt")
    repo.write("notes.txt", "another hidden change\n")


def _intended(repo: Repository) -> None:
    repo.write("soon.py", "SOON = True\n")
    repo.git("add", "-N", "soon.py")


def _ahead(repo: Repository) -> None:
    repo.write("local.py", "LOCAL = 1\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "not pushed")
    repo.write("local.py", "LOCAL = 2\n")


def _late(repo: Repository) -> None:
    """Changed in the second in which it was added, without another size: git must look inside, later, too."""
    time.sleep(1.02 - time.time() % 1)
    path = repo.write("notes.txt", "one\ntwo\nseven\n")
    repo.git("add", "notes.txt")
    path.write_text("one\ntwo\neight\n")
    time.sleep(1.02 - time.time() % 1)


STATES = [
    _clean, _modified, _staged, _staged_and_modified, _deleted, _renamed, _binary, _untracked, _executable, _links,
    _odd_names, _line_ends, _file_to_folder, _hidden, _intended, _ahead, _late,
]  # fmt: skip

SETTINGS: dict[str, dict[str, str]] = {
    "plain": {},
    "noprefix": {"diff.noprefix": "true"},
    "mnemonic": {"diff.mnemonicPrefix": "true", "diff.renames": "copies", "diff.submodule": "log"},
    "coloured": {"color.ui": "always", "color.diff": "always", "diff.colorMoved": "zebra"},
    "external": {"diff.external": "false", "diff.relative": "true", "diff.orderFile": "/nowhere"},
    "autocrlf": {"core.autocrlf": "true", "core.safecrlf": "true"},
    "input": {"core.autocrlf": "input", "apply.whitespace": "fix", "core.whitespace": "trailing-space,cr-at-eol"},
    "hooks": {
        "core.hooksPath": "hooks",
        "core.fsmonitor": "true",
        "core.splitIndex": "true",
        "core.trustctime": "false",
    },
    "context": {
        "diff.context": "0",
        "diff.interHunkContext": "9",
        "diff.algorithm": "patience",
        "core.quotePath": "false",
    },
}


@pytest.fixture
def settled(repository: Repository) -> Callable[[dict[str, str]], None]:
    def settle(settings: dict[str, str]) -> None:
        for name, value in settings.items():
            repository.git("config", "--global", name, value)

    return settle


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_no_setting_of_the_user_bends_it(
    repository: Repository, tmp_path: Path, settled: Callable[[dict[str, str]], None], settings: dict[str, str]
) -> None:
    for state in (_modified, _binary, _untracked, _executable, _line_ends, _deleted):
        state(repository)
    plain = code.look(repository.path)
    settled(settings)
    seen = code.look(repository.path)
    assert seen.report.problem is None
    assert seen.report.tree == plain.report.tree
    restored(repository, seen, tmp_path)


def test_attributes_and_drivers_do_not_bend_it(repository: Repository, tmp_path: Path) -> None:
    repository.write(".gitattributes", "*.bin diff=strange\n*.py -diff\n*.txt text=auto eol=crlf\n")
    repository.git("config", "diff.strange.textconv", "echo nothing")
    repository.git("config", "diff.strange.command", "false")
    _modified(repository)
    _binary(repository)
    repository.write("windows.txt", "one\r\ntwo\r\n")
    seen = code.look(repository.path)
    assert seen.report.problem is None
    restored(repository, seen, tmp_path, compare_files=False)  # the repository itself asks for other line ends


def test_bytecode_is_no_code(repository: Repository, tmp_path: Path) -> None:
    """Python writes it with the time of the source in it: two runs of equal code would never be equal."""
    before = code.look(repository.path).report
    repository.write("model/__pycache__/net.cpython-311.pyc", os.urandom(60))
    clean = code.look(repository.path).report
    assert (clean.tree, clean.dirty, clean.changed, clean.left_out) == (before.tree, False, [], [])
    repository.write("model/__pycache__/notes.txt", "kept by hand\n")
    repository.write("compiled.pyc", b"no source beside it")
    seen = code.look(repository.path)
    assert sorted(seen.report.changed) == ["compiled.pyc", "model/__pycache__/notes.txt"]
    restored(repository, seen, tmp_path, compare_files=False)

"""Put a captured tree together again as somebody else would, and compare it with what is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.client.conftest import Repository, git
from trackrecord.capture import git as code
from trackrecord.report import CodeReport, SubmoduleReport

PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def restored(repo: Repository, seen: code.Code, tmp_path: Path, *, compare_files: bool = True) -> None:
    """As somebody else would: clone the origin, check the base out, apply the patch, compare tree and every file.

    Submodules that are reported are put together in the same way, each from its own remote (or bundle).
    """
    report = seen.report
    assert report.proved
    again = tmp_path / "again"
    again.parent.mkdir(exist_ok=True)
    _one(report, str(repo.origin), again, seen.files)
    for module in report.submodules:
        assert module.proved
        assert module.problem is None
        _one(module, str(module.remote), again / module.path, seen.files)
    if compare_files:
        assert files(again) == files(repo.path)


def _one(report: CodeReport | SubmoduleReport, remote: str, place: Path, kept: dict[str, bytes]) -> None:
    if report.bundle:
        remote = str(place.with_name(place.name + ".bundle"))
        Path(remote).write_bytes(_kept(report.bundle, kept))
    git("clone", "-q", "--no-checkout", remote, str(place), cwd=place.parent, **PLAIN)
    git("checkout", "-q", "--detach", str(report.base or report.commit), cwd=place, **PLAIN)
    if report.patch:
        patch = _kept(report.patch, kept)
        git("apply", "--index", "--binary", "--whitespace=nowarn", "-", cwd=place, feed=patch, **PLAIN)
    assert git("write-tree", cwd=place, **PLAIN) == report.tree
    if report.bundle:
        Path(remote).unlink()


def _kept(digest: str, kept: dict[str, bytes]) -> bytes:
    assert hashlib.sha256(kept[digest]).hexdigest() == digest
    return kept[digest]


def files(top: Path) -> dict[str, tuple[str, bytes]]:
    """Path to (kind, content) of every file outside .git."""
    found = {}
    for folder, folders, names in os.walk(os.fsencode(top)):
        folders[:] = [name for name in folders if name != b".git"]
        for name in names + [each for each in folders if os.path.islink(folder + b"/" + each)]:
            path = folder + b"/" + name
            if os.path.islink(path):
                entry = ("link", os.readlink(path))
            elif name == b".git":
                continue
            else:
                with open(path, "rb") as file:
                    entry = (
                        "program" if os.access(path, os.X_OK) and os.stat(path).st_mode & 0o100 else "file",
                        file.read(),
                    )
            found[os.fsdecode(os.path.relpath(path, os.fsencode(top)))] = entry
    return found

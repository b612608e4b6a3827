"""Put a captured tree together again as somebody else would, and compare it with what is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.client.conftest import Repository, git
from trackrecord.capture import git as code


def restored(repo: Repository, seen: code.Code, tmp_path: Path, *, compare_files: bool = True) -> None:
    """As somebody else would: clone the origin, check the base out, apply the patch, compare tree and every file."""
    report = seen.report
    assert report.proved
    again = tmp_path / "again"
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    again.parent.mkdir(exist_ok=True)
    git("clone", "-q", "--no-checkout", str(repo.origin), str(again), cwd=tmp_path, **plain)
    git("checkout", "-q", "--detach", str(report.base), cwd=again, **plain)
    if report.patch:
        patch = seen.files[report.patch]
        assert hashlib.sha256(patch).hexdigest() == report.patch
        git("apply", "--index", "--binary", "--whitespace=nowarn", "-", cwd=again, feed=patch, **plain)
    assert git("write-tree", cwd=again, **plain) == report.tree
    if compare_files:
        assert _files(again) == _files(repo.path)


def _files(top: Path) -> dict[str, tuple[str, bytes]]:
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

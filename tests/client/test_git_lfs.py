"""Where Git LFS keeps a file's content elsewhere, the run says what the tree has of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.client.conftest import Repository
from tests.client.restore import restored
from trackrecord.capture import git as code

# What `git lfs clean` does, by its specification: the content goes below lfs.storage, a pointer comes out.
CLEAN = """#!/bin/sh
place=$(git config lfs.storage || echo .git/lfs); mkdir -p "$place"; cat > "$place/content"
printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' \
  "$(sha256sum < "$place/content" | cut -c1-64)" "$(wc -c < "$place/content")"
"""


def _pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


def test_pointers_in_the_place_of_files_are_named(repository: Repository, tmp_path: Path) -> None:
    repository.write(".gitattributes", "*.pt filter=lfs diff=lfs merge=lfs -text\n")
    repository.write("looks-like.txt", _pointer(b"x"))  # no file of LFS
    assert code.look(repository.path).notes == []
    repository.write("model.pt", _pointer(b"weights"))
    repository.push("a pointer")
    seen = code.look(repository.path)
    assert seen.notes == ["1 file is a Git LFS pointer, not the content (model.pt): `git lfs pull` fetches it"]
    assert seen.report.left_out == []
    for number in range(4):
        repository.write(f"sub/größe-{number}.pt", _pointer(b"%d" % number))
    repository.push("more")
    seen = code.look(repository.path)
    assert seen.notes == [
        "5 files are Git LFS pointers, not the content (model.pt, sub/größe-0.pt, sub/größe-1.pt, …): "
        "`git lfs pull` fetches it"
    ]
    restored(repository, seen, tmp_path)


def test_a_changed_file_of_lfs_is_left_out_with_the_reason(repository: Repository, tmp_path: Path) -> None:
    program = repository.write("../git-lfs-clean", CLEAN)
    program.chmod(0o755)
    repository.write(".gitattributes", "*.pt filter=lfs -text\n")
    repository.git("config", "--global", "filter.lfs.clean", str(program))
    repository.git("config", "--global", "filter.lfs.smudge", "cat")
    for name in ("kept.pt", "changed.pt", "gone.pt"):
        repository.write(name, f"weights of {name}")
    repository.push("three models")
    repository.write("changed.pt", "other weights")
    repository.write("new.pt", "untracked weights")
    (repository.path / "gone.pt").unlink()
    before = _files(repository.path / ".git")
    seen = code.look(repository.path)
    assert _files(repository.path / ".git") == before  # the filter's own store is the user's, too
    assert seen.notes == []
    why = "changed; Git LFS keeps its content, the tree has a pointer"
    assert seen.report.left_out == [f"changed.pt ({why})", f"new.pt ({why})"]
    assert seen.report.changed == ["changed.pt", "gone.pt", "new.pt"]
    restored(repository, seen, tmp_path, compare_files=False)
    # Without the filter git takes the content itself, and nothing is missing.
    repository.git("config", "--global", "--unset", "filter.lfs.clean")
    seen = code.look(repository.path)
    assert seen.report.left_out == []
    assert seen.report.patch is not None
    assert b"diff --git a/changed.pt" in seen.files[seen.report.patch]


def _files(top: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}

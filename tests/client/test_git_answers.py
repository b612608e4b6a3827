"""What a repository is like, and what may leave it: every odd one is an answer, none an exception."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.client.conftest import Repository, git
from tests.client.restore import restored
from tests.client.test_git_capture import _ahead, _binary, _hidden, _modified, _staged_and_modified, _untracked
from trackrecord.capture import git as code
from trackrecord.capture import gittree


def test_a_clean_tree_needs_no_patch(repository: Repository) -> None:
    report = code.look(repository.path).report
    head = repository.git("rev-parse", "HEAD")
    assert (report.commit, report.base, report.branch) == (head, head, "main")
    assert report.tree == repository.git("rev-parse", "HEAD^{tree}")
    assert report.remote == str(repository.origin)
    assert report.patch is None
    assert report.proved
    assert not report.dirty
    assert report.changed == report.left_out == []


def test_touched_files_are_not_changed_files(repository: Repository, tmp_path: Path) -> None:
    git("clone", "-q", "-c", "core.autocrlf=true", str(repository.origin), str(tmp_path / "windows"), cwd=tmp_path)
    assert (tmp_path / "windows/notes.txt").read_bytes() == b"one\r\ntwo\r\nthree\r\n"
    for path in (tmp_path / "windows").glob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert not code.look(tmp_path / "windows").report.dirty


def test_the_users_repository_stays_untouched(repository: Repository) -> None:
    for state in (_staged_and_modified, _binary, _untracked, _hidden):
        state(repository)
    repository.git("config", "core.hooksPath", str(repository.path / ".git/alarm"))
    alarm = repository.write(".git/alarm/post-index-change", "#!/bin/sh\ntouch rang\n")
    alarm.chmod(0o755)
    before = _everything(repository.path)
    assert code.look(repository.path).report.tree
    assert _everything(repository.path) == before


def test_the_changed_paths_are_named(repository: Repository) -> None:
    _modified(repository)
    _untracked(repository)
    report = code.look(repository.path).report
    assert report.changed == ["empty.py", "extra/deep/module.py", "no_newline.py", "train.py"]


def test_large_untracked_files_are_left_out_and_named(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("checkpoint.pt", bytes(5_000_001))
    monkeypatch.setattr(gittree, "_ALL", 2_000_000)
    for number in range(3):
        repository.write(f"part-{number}.dat", bytes(900_000))
    report = code.look(repository.path).report
    assert report.changed == ["part-0.dat", "part-1.dat"]
    assert report.left_out == [
        "checkpoint.pt (untracked, 5000001 bytes, more than 5000000)",
        "part-2.dat (untracked, 900000 bytes, more than 2000000 in all)",
    ]


def test_files_of_secrets_and_the_clients_journals_are_left_out(repository: Repository) -> None:
    repository.write(".env", "PASSWORD=hunter2\n")
    repository.write("deploy/id_rsa", "key\n")
    repository.write(".env.example", "PASSWORD=\n")
    repository.write("journals/runs/x/main.journal", "ours\n")
    report = code.look(repository.path, repository.path / "journals").report
    assert report.changed == [".env.example"]
    assert report.left_out == [
        ".env (named like a file of secrets)",
        "deploy/id_rsa (named like a file of secrets)",
    ]


def test_an_unpushed_commit_is_patched_from_the_nearest_pushed_one(repository: Repository) -> None:
    pushed = repository.git("rev-parse", "HEAD")
    _ahead(repository)
    report = code.look(repository.path).report
    assert report.base == pushed
    assert report.commit == repository.git("rev-parse", "HEAD")
    assert report.patch is not None
    assert report.bundle is None


def test_the_nearest_of_several_remote_branches_is_taken(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.write("side.py", "SIDE = 1\n")
    nearer = repository.push("side")
    repository.git("checkout", "-q", "main")
    repository.git("checkout", "-q", "-b", "mine", "side")
    repository.git("merge", "-q", "--no-edit", "main")
    repository.write("mine.py", "MINE = 1\n")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "mine")
    assert code.look(repository.path).report.base == nearer


def test_without_a_remote_the_history_travels_as_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "alone"
    git("init", "-q", "-b", "main", str(path), cwd=tmp_path)
    repo = Repository(path, tmp_path / "none")
    repo.write("train.py", "print(1)\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "one")
    repo.write("train.py", "print(2)\n")
    seen = code.look(path)
    report = seen.report
    assert (report.base, report.remote) == (None, None)
    assert report.bundle is not None
    assert report.patch is not None
    file = tmp_path / "code.bundle"
    file.write_bytes(seen.files[report.bundle])
    git("clone", "-q", "--no-checkout", str(file), str(tmp_path / "again"), cwd=tmp_path)
    again = tmp_path / "again"
    git("checkout", "-q", "--detach", str(report.commit), cwd=again)
    git("apply", "--index", "-", cwd=again, feed=seen.files[report.patch])
    assert git("write-tree", cwd=again) == report.tree


def test_what_is_no_repository_is_an_answer(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code.look(tmp_path / "home").report.problem == "the script is not in a git repository"
    assert code.look(repository.origin).report.problem == "the repository has no working tree"
    git("init", "-q", str(tmp_path / "bare-start"), cwd=tmp_path)
    (tmp_path / "bare-start/a.py").write_text("a = 1\n")
    unborn = code.look(tmp_path / "bare-start").report
    assert unborn.commit is None
    assert unborn.tree is not None
    assert unborn.problem == "the repository has no commit yet: commit and push, then run again"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code.look(repository.path).report.problem == "git is not installed on this machine"


def test_detached_shallow_worktree_and_folder_below_are_answers(repository: Repository, tmp_path: Path) -> None:
    repository.write("second.py", "two = 2\n")
    repository.push()
    repository.git("checkout", "-q", "--detach", "HEAD")
    detached = code.look(repository.path).report
    assert detached.branch is None
    assert detached.proved

    shallow = tmp_path / "shallow"
    git("clone", "-q", "--depth", "1", f"file://{repository.origin}", str(shallow), cwd=tmp_path)
    (shallow / "train.py").write_text("print('shallow')\n")
    seen = code.look(shallow)
    assert seen.report.problem is None
    restored(Repository(shallow, repository.origin), seen, tmp_path / "a")

    tree = tmp_path / "tree"
    repository.git("worktree", "add", "-q", "-b", "linked", str(tree))
    (tree / "train.py").write_text("print('linked')\n")
    seen = code.look(tree / "model")
    assert (seen.report.branch, seen.top) == ("linked", tree)
    restored(Repository(tree, repository.origin), seen, tmp_path / "b")


def test_a_repository_in_the_middle_of_a_merge(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.write("notes.txt", "one\nside\nthree\n")
    repository.push("side")
    repository.git("checkout", "-q", "main")
    repository.write("notes.txt", "one\nmain\nthree\n")
    repository.push("main")
    with pytest.raises(AssertionError):
        repository.git("merge", "-q", "side")
    seen = code.look(repository.path)
    assert seen.report.problem is None
    restored(repository, seen, tmp_path)


def test_a_secret_in_the_changes_refuses_the_patch(repository: Repository) -> None:
    token = "ghp_" + "a1B2" * 9
    repository.write("train.py", f"import model\n\n\nTOKEN = '{token}'\n")
    seen = code.look(repository.path)
    assert (seen.report.patch, seen.report.tree, seen.report.proved) == (None, None, False)
    assert seen.files == {}
    assert seen.report.problem is not None
    assert "train.py line 4 looks like a GitHub token" in seen.report.problem
    assert ".gitignore" in seen.report.problem
    assert token not in str(seen.report)


def test_a_secret_in_the_history_refuses_the_bundle(tmp_path: Path) -> None:
    path = tmp_path / "alone"
    git("init", "-q", str(path), cwd=tmp_path)
    (path / "a.py").write_text("KEY = 'AKIA" + "ABCD1234" * 2 + "'\n")
    git("add", "-A", cwd=path)
    git("commit", "-qm", "oh", cwd=path)
    (path / "a.py").write_text("KEY = None\n")
    git("commit", "-qam", "removed", cwd=path)
    seen = code.look(path)
    assert seen.files == {}
    assert seen.report.bundle is None
    assert "a.py line 1 looks like an AWS key" in str(seen.report.problem)


def test_the_remote_has_no_userinfo(repository: Repository) -> None:
    repository.git("config", "remote.origin.url", "https://x-access-token:gho_secret@example.org/team/code.git")
    assert code.look(repository.path).report.remote == "https://example.org/team/code.git"
    repository.git("config", "remote.origin.url", "ssh://git@example.org/team/code.git")
    assert code.look(repository.path).report.remote == "ssh://git@example.org/team/code.git"


def test_the_users_git_variables_are_respected(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repository.path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    _modified(repository)
    seen = code.look(tmp_path)
    assert seen.report.problem is None
    assert seen.report.changed == ["train.py"]
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_WORK_TREE")
    restored(repository, seen, tmp_path)


def test_another_owner_is_an_answer(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    problem = code.look(repository.path).report.problem
    assert problem is not None
    assert "safe.directory" in problem


def _everything(top: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file, .git included. git renews the time of an object that it meets again."""
    return {
        str(path): (path.read_bytes(), 0 if "objects" in path.parts else path.stat().st_mtime_ns)
        for path in sorted(top.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }

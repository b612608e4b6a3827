"""What runs from a submodule is part of the code: its changes come back too, or a sentence says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.bodies import read
from registry.bounds import run_bounds
from registry.recipe import recipe
from tests.answers.test_repro import fetching, paste
from tests.client.conftest import Repository, git
from tests.client.restore import files, restored
from tests.client.test_git_matrix import with_submodule
from trackrecord import capture
from trackrecord.batches import encode
from trackrecord.capture import git as code
from trackrecord.report import RunReport


def test_a_submodule_that_is_a_commit_of_its_remote_needs_nothing_more(repository: Repository) -> None:
    inner = with_submodule(repository)
    seen = code.look(repository.path)
    assert (seen.report.submodules, seen.report.left_out, seen.report.dirty) == ([], [], False)
    assert {"lib/lib.py", "train.py"} <= seen.paths  # what is imported from there is no stranger
    inside = code.look(inner.path)
    assert (inside.report.commit, inside.report.remote) == (inner.git("rev-parse", "HEAD"), str(inner.origin))
    repository.git("submodule", "--quiet", "deinit", "-f", "--all")
    assert code.look(repository.path).report.submodules == []


def test_changes_inside_are_changes_of_the_code(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = with_submodule(repository)
    pushed = inner.git("rev-parse", "HEAD")
    inner.write("lib.py", "LIB = 2\n")
    inner.write("big.pt", bytes(5_000_001))
    seen = code.look(repository.path)
    assert seen.report.dirty
    assert seen.report.changed == ["lib/lib.py"]
    assert seen.report.left_out == ["lib/big.pt (untracked, 5000001 bytes, more than 5000000)"]
    (module,) = seen.report.submodules
    assert (module.path, module.commit, module.base, module.remote) == ("lib", pushed, pushed, str(inner.origin))
    assert module.proved
    restored(repository, seen, tmp_path, compare_files=False)
    (inner.path / "big.pt").unlink()
    monkeypatch.setenv("GIT_DIR", str(repository.path / ".git"))  # says nothing about the submodule
    monkeypatch.setenv("GIT_WORK_TREE", str(repository.path))
    assert code.look(repository.path).report.submodules == [module]


def test_hidden_changes_commits_without_a_remote_and_submodules_of_submodules(
    repository: Repository, tmp_path: Path
) -> None:
    inner = with_submodule(repository)
    deeper = with_submodule(inner, "deep")
    repository.push("deeper")
    assert code.look(repository.path).report.submodules == []
    deeper.git("update-index", "--assume-unchanged", "deep.py")
    deeper.write("deep.py", "DEEP = 2\n")
    alone = tmp_path / "alone"
    git("init", "-q", "-b", "main", str(alone), cwd=tmp_path)
    mine = Repository(alone, alone)
    mine.write("mine.py", "MINE = 1\n")
    mine.git("add", "-A")
    mine.git("commit", "-qm", "mine")
    git("clone", "-q", str(alone), str(repository.path / "mine"), cwd=tmp_path)
    git("remote", "remove", "origin", cwd=repository.path / "mine")
    repository.git("add", "mine")
    seen = code.look(repository.path)
    told = [(each.path, each.patch is not None, each.bundle is not None) for each in seen.report.submodules]
    assert told == [("lib", False, False), ("lib/deep", True, False), ("mine", False, True)]
    assert sorted(seen.report.changed) == ["lib/deep/deep.py", "mine"]
    restored(repository, seen, tmp_path)


def test_what_cannot_be_sent_from_a_submodule_is_said(repository: Repository) -> None:
    inner = with_submodule(repository)
    token = "ghp_" + "a1B2" * 9
    inner.write("lib.py", f"\nTOKEN = '{token}'\n")
    report = code.look(repository.path).report
    assert report.tree == repository.git("rev-parse", "HEAD^{tree}")
    assert report.dirty
    (module,) = report.submodules
    assert (module.tree, module.patch, module.proved) == (None, None, False)
    assert report.problem is not None
    assert report.problem.startswith("in lib: the code was not sent: lib.py line 2 looks like a GitHub token")
    assert token not in str(report)
    inner.git("checkout", "-q", "lib.py")
    (inner.path / ".git").write_text("gitdir: nowhere\n")
    (broken,) = code.look(repository.path).report.submodules
    assert broken.problem == "it is a submodule without a repository of its own"
    (inner.path / ".git").unlink()
    (empty,) = code.look(repository.path).report.submodules
    assert empty == broken


def test_the_registry_takes_such_a_report(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    with_submodule(repository).write("lib.py", "LIB = 2\n")
    monkeypatch.chdir(repository.path)
    seen = capture.look({}, repository.path / "own")
    report = RunReport(project="p", name="n", started_ms=1, code=seen.code, environment=seen.environment)
    assert read(encode(report), RunReport, run_bounds).code.submodules == seen.code.submodules
    assert seen.code.submodules[0].patch in seen.files


def test_pasted_the_recipe_puts_the_submodules_together(repository: Repository, tmp_path: Path) -> None:
    inner = with_submodule(repository)
    inner.write("lib.py", "LIB = 2\n")
    inner.git("commit", "-qam", "not pushed")
    inner.write("odd name; exit 1.py", "NEW = 1\n")
    seen = code.look(repository.path)
    report = RunReport(project="p", name="brave-otter-42", started_ms=1, code=seen.report)
    found = recipe(report, "0" * 26, "", [])
    kept = {digest: tmp_path / digest for digest in seen.files}
    for digest, place in kept.items():
        place.write_bytes(seen.files[digest])
    pasted = paste(found.scripts[0].text, tmp_path, fetching(tmp_path, kept))
    assert pasted.stdout == f"tree rebuilt: {seen.report.tree}\n", pasted.stderr
    assert files(tmp_path / "brave-otter-42/code") == files(repository.path)
    hostile = replace(seen.report.submodules[0], path="../out", problem="because.")
    told = recipe(replace(report, code=replace(seen.report, submodules=[hostile])), "0" * 26, "", [])
    assert "out" not in told.scripts[0].text.replace("checkout", "")
    assert "the submodule ../out cannot be rebuilt: because" in told.gaps

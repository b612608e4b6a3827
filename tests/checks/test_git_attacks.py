"""The attack inputs on git (G01 to G15): what a look at a real repository says of each."""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checks.code import Clone, run_git
from tests.checks.hostile import NO_IDS, NO_WORDS, OF_ANOTHER_BASE, hostile_patch


@pytest.mark.parametrize("commit", [*NO_IDS, *NO_WORDS])
def test_g04_g05_only_a_full_id_is_a_commit(clone: Clone, commit: str) -> None:
    seen = clone.look(replace(clone.report(), commit=commit))
    assert (seen.commit_kind == "commit", seen.refs) == (False, ())


def test_g04_ids_derived_from_a_real_one_are_refused(clone: Clone) -> None:
    code = clone.report()
    commit = code.commit or ""
    for derived in (f"{commit}~0", commit.upper(), commit[:12], f"{commit}\n", f"{commit}^{{commit}}", f" {commit}"):
        assert clone.look(replace(code, commit=derived)).refs == ()


def test_g05_a_tree_and_a_blob_are_no_commits(clone: Clone) -> None:
    code = clone.report()
    for other in (code.tree, clone.git("rev-parse", "HEAD:train.py")):
        seen = clone.look(replace(code, commit=other))
        assert (seen.commit_kind == "commit", seen.refs) == (False, ())


@pytest.mark.parametrize("field", ["base", "tree"])
@pytest.mark.parametrize("value", ["HEAD", "main", "-h", "0" * 40, "", "main:train.py"])
def test_g04_base_and_tree_are_no_way_in(clone: Clone, field: str, value: str) -> None:
    code = replace(clone.report(), **{field: value})
    seen = clone.look(code)
    assert seen.rebuilt is None or seen.rebuilt != code.tree


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c touch% {pwned}",
        "ext::sh%20-c%20touch%20{pwned}",
        "--upload-pack=touch {pwned}",
        "-u{pwned}",
        "ssh://-oProxyCommand=touch%20{pwned}/x",
        "git@-oProxyCommand=touch:x",
        "-oProxyCommand=x:y",
        "fd::17/foo",
        "http://127.0.0.1:1/x.git",
        "git://127.0.0.1:1/x.git",
        "file:///{pwned}\nx",
        "",
        "nonsense",
        "\0",
    ],
)
def test_g01_g02_g03_addresses_that_run_programs_are_refused(clone: Clone, tmp_path: Path, address: str) -> None:
    pwned = tmp_path / "pwned"
    seen = clone.look(clone.report(), repository=address.format(pwned=pwned), protocols="https:ssh")
    assert not seen.looked
    assert seen.trouble
    if address.startswith("-") or "::" in address:
        assert "could run a program" in seen.trouble
    assert not pwned.exists()
    assert not clone.mirror.exists()


def test_g01_git_itself_refuses_what_is_not_allowed(clone: Clone) -> None:
    seen = clone.look(clone.report(), protocols="https:ssh")
    assert (seen.looked, seen.refs) == (False, ())
    assert "not allowed" in seen.trouble


def test_g06_a_commit_of_a_pull_request_is_on_no_branch(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "fork")
    clone.write("train.py", "print('imposter')\n")
    clone.commit("imposter")
    clone.push("HEAD:refs/pull/1/head")
    code = clone.report()
    seen = clone.look(code)
    assert (seen.looked, seen.commit_kind == "commit", seen.refs, seen.rebuilt) == (True, False, (), None)


def test_g07_a_branch_named_like_an_id_stands_for_nothing(clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.write("train.py", "print('second')\n")
    second = clone.commit("second")
    run_git(clone.origin, "update-ref", f"refs/heads/{second}", first)
    code = clone.report()
    seen = clone.look(code)
    assert (seen.commit_kind == "commit", seen.refs, seen.rebuilt) == (False, (), None)
    clone.push()
    assert clone.look(code).refs == ("refs/heads/main",)


def test_g08_a_commit_that_was_forced_away_is_kept_and_not_reachable_any_more(clone: Clone) -> None:
    clone.write("train.py", "print('to be forced away')\n")
    commit = clone.commit("second")
    clone.push()
    code = clone.report()
    assert clone.look(code).refs
    clone.git("push", "-q", "--force", "origin", f"{commit}~1:refs/heads/main")
    run_git(clone.origin, "gc", "-q", "--prune=now")
    seen = clone.look(code, fresh_s=0)
    assert (seen.commit_kind == "commit", seen.refs, seen.rebuilt) == (True, (), code.tree)
    assert run_git(clone.mirror, "rev-parse", f"refs/trackrecord/keep/{commit}").decode().strip() == commit


def test_g08_a_repository_that_vanished_could_not_be_looked_at(clone: Clone) -> None:
    code = clone.report()
    assert clone.look(code).refs
    clone.origin.rename(clone.origin.with_name("gone.git"))
    seen = clone.look(code, fresh_s=0)
    assert (seen.looked, seen.refs, seen.rebuilt) == (False, (), None)
    assert "could not be fetched" in seen.trouble


def test_g08_a_repository_that_never_was(clone: Clone, tmp_path: Path) -> None:
    seen = clone.look(clone.report(), repository=str(tmp_path / "nowhere.git"))
    assert not seen.looked
    assert seen.trouble


def test_g09_dates_of_git_are_not_looked_at(clone: Clone) -> None:
    clone.write("train.py", "print('old?')\n")
    clone.git("add", "-A")
    old = "2001-01-01T00:00:00Z"
    clone.git("commit", "-q", "-m", "back-dated", GIT_COMMITTER_DATE=old, GIT_AUTHOR_DATE=old)
    clone.push()
    assert clone.look(clone.report()).refs


@pytest.mark.parametrize("path", ["../../outside", ".git/hooks/post-checkout", "/etc/outside", "a/../../b"])
def test_g10_a_patch_that_leaves_the_tree_contradicts(clone: Clone, path: str) -> None:
    patch = hostile_patch(path)
    code = replace(clone.report(), patch=clone.keep(patch))
    seen = clone.look(code)
    assert (seen.rebuilt, seen.rebuild_contradicts) == (None, True)
    assert "does not apply" in seen.rebuild_trouble
    assert str(clone.mirror) not in seen.rebuild_trouble


def test_g11_a_patch_that_adds_links_is_found_out(clone: Clone) -> None:
    (clone.folder / "link").symlink_to("/etc/passwd")
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{clone.git('rev-parse', 'HEAD')},sub")
    code = clone.report()
    tree = clone.git("rev-parse", f"{code.tree}^{{tree}}")
    assert clone.look(code).forbidden == ("link",)
    sub = hostile_patch("sub", "160000", f"Subproject commit {code.commit}").replace(
        b"\\ No newline at end of file\n", b""
    )
    seen = clone.look(replace(code, patch=clone.keep(sub)))
    assert seen.forbidden == ("sub",)
    assert seen.rebuilt not in (None, tree)


def test_g11_links_that_the_base_has_already_are_fine_and_changed_ones_are_not(clone: Clone) -> None:
    (clone.folder / "link").symlink_to("train.py")
    clone.commit("a link")
    clone.push()
    clone.write("more.py", "x\n")
    assert clone.look(clone.report(), fresh_s=0).forbidden == ()
    (clone.folder / "link").unlink()
    (clone.folder / "link").symlink_to("/etc/passwd")
    assert clone.look(clone.report()).forbidden == ("link",)


@pytest.mark.parametrize(
    "patch",
    [b"garbage", b"\0" * 1000, b"diff --git a/x b/x\n", OF_ANOTHER_BASE, b"@@ -1 +1 @@\n" * 100_000],
    ids=["garbage", "nul", "cut", "other base", "hunks"],
)
def test_g12_patches_that_do_not_apply_contradict(clone: Clone, patch: bytes) -> None:
    seen = clone.look(replace(clone.report(), patch=clone.keep(patch)))
    assert (seen.rebuilt, seen.rebuild_contradicts) == (None, True)


def test_g12_a_patch_that_is_too_large_is_not_tried(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.git.MOST_PATCH_BYTES", 10)
    clone.write("train.py", "print('changed')\n")
    seen = clone.look(clone.report())
    assert (seen.rebuilt, seen.rebuild_contradicts) == (None, False)
    assert "larger than" in seen.rebuild_trouble


def test_g13_attributes_filters_and_hooks_run_nothing(clone: Clone, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    clone.write(".gitattributes", "* filter=evil diff=evil text eol=crlf\n*.bin -text\n")
    clone.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% {pwned}\n')
    run_git(clone.folder, "config", "filter.evil.clean", "cat")
    clone.commit("attributes")
    clone.push("HEAD:refs/heads/other")
    clone.look(clone.report())
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"):
        hook = clone.mirror / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {pwned}\n")
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    clone.write("train.py", "print('crlf?')\r\n")
    code = clone.report(base="origin/other")
    seen = clone.look(code, fresh_s=0)
    assert seen.rebuilt == code.tree
    assert not pwned.exists()


def test_g13_the_environment_of_the_registry_does_not_reach_git(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwned = tmp_path / "pwned"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {pwned}\nexit 1\n")
    script.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f'[core]\n\tfsmonitor = {script}\n\thooksPath = {tmp_path}\n[url "/nowhere"]\n\tinsteadOf = /\n')
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_EXTERNAL_DIFF": str(script),
        "GIT_SSH": str(script),
        "GIT_ASKPASS": str(script),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(tmp_path),
        "GIT_TRACE": str(tmp_path / "trace"),
    }.items():
        monkeypatch.setenv(name, value)
    seen = clone.look(clone.report())
    assert seen.refs
    assert seen.rebuilt
    assert not pwned.exists()
    assert not (tmp_path / "trace").exists()


def test_g14_a_hostile_object_stops_the_fetch(clone: Clone) -> None:
    head = clone.git("rev-parse", "HEAD^{tree}")
    broken = f"tree {head}\nauthor x <x> 1 +0000\ncommitter\n\nno\n".encode()
    commit = clone.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=broken)
    clone.git("push", "-q", "origin", f"{commit}:refs/heads/evil")
    seen = clone.look(clone.report())
    assert (seen.looked, seen.refs) == (False, ())
    assert "could not be fetched" in seen.trouble


def test_g14_a_repository_that_does_not_answer_is_given_up(clone: Clone, tmp_path: Path) -> None:
    fifo = tmp_path / "slow.git"
    shutil.copytree(clone.origin, fifo)
    (fifo / "packed-refs").unlink(missing_ok=True)
    os.mkfifo(fifo / "packed-refs")  # git waits for somebody to write
    began = time.monotonic()
    seen = clone.look(clone.report(), repository=str(fifo), timeout_s=1)
    assert time.monotonic() - began < 15
    assert (seen.looked, seen.refs) == (False, ())
    assert "longer than 1 seconds" in seen.trouble


def test_g15_no_password_is_ever_shown(clone: Clone) -> None:
    seen = clone.look(clone.report(), repository="https://ada:hunter2@127.0.0.1:1/x.git", protocols="https")
    assert not seen.looked
    assert "hunter2" not in seen.trouble
    assert seen.trouble

"""Looking at real repositories: what is reachable, what is rebuilt, and what must never pass."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from registry.facts import CodeFacts
from tests.checks.code import Clone
from trackrecord.report import CodeReport


def test_a_clean_pushed_commit(clone: Clone) -> None:
    code = clone.report()
    assert code.patch is None
    seen = clone.look(code)
    assert seen == CodeFacts(
        looked=True,
        commit_kind="commit",
        refs=("refs/heads/main",),
        base_refs=("refs/heads/main",),
        rebuilt=code.tree,
        entry_in_tree=True,
    )


def test_a_dirty_tree_with_everything_in_it_is_rebuilt(clone: Clone) -> None:
    clone.write("data/weights.bin", os.urandom(5000))
    clone.write("new/module.py", "x = 1\n")
    clone.write("no newline at end", "x")
    clone.write("crlf.txt", b"a\r\nb\r\n")
    clone.write("übung/名前.txt", "ü\n")
    clone.write("with\nnewline", "x\n")
    clone.write("empty", "")
    (clone.folder / "train.py").chmod(0o755)
    code = clone.report()
    seen = clone.look(code)
    assert (seen.rebuilt, seen.rebuild_trouble, seen.forbidden) == (code.tree, "", ())
    assert seen.entry_in_tree
    assert clone.look(code, entry="new/module.py").entry_in_tree
    assert clone.look(code, entry="übung/名前.txt").entry_in_tree
    for entry in ("gone.py", "new", "../train.py", "-h", "", "train.py\0"):
        assert clone.look(code, entry=entry).entry_in_tree is False
    assert clone.look(code, entry=None).entry_in_tree is None


def test_the_mirror_keeps_nothing_of_a_rebuild(clone: Clone) -> None:
    clone.look(clone.report())
    before = sorted(clone.mirror.rglob("objects/*/*"))
    assert before
    clone.write("new.py", "x = 1\n")
    assert clone.look(clone.report()).rebuilt
    assert sorted(clone.mirror.rglob("objects/*/*")) == before
    assert list(clone.mirror.glob("rebuild-*")) == []


def test_a_commit_that_was_never_pushed_is_rebuilt_from_its_base(clone: Clone) -> None:
    clone.write("train.py", "print('secret sauce')\n")
    clone.commit("not pushed")
    clone.write("more.py", "y = 2\n")
    code = clone.report(base="origin/main")
    seen = clone.look(code)
    assert (seen.looked, seen.commit_kind == "commit", seen.refs) == (True, False, ())
    assert seen.base_refs == ("refs/heads/main",)
    assert seen.rebuilt == code.tree


def test_a_push_a_second_ago_counts(clone: Clone) -> None:
    clone.write("train.py", "print('better')\n")
    clone.commit("second")
    code = clone.report()
    assert clone.look(code).refs == ()
    clone.push()
    assert clone.look(code).refs == ("refs/heads/main",)


def test_a_fresh_mirror_is_not_fetched_again_for_what_it_knows(clone: Clone) -> None:
    code = clone.report()
    clone.look(code)
    fetched = clone.mirror / "trackrecord-fetched"
    os.utime(fetched, (time.time() - 10, time.time() - 10))
    before = fetched.stat().st_mtime_ns
    assert clone.look(code).refs
    assert fetched.stat().st_mtime_ns == before
    assert clone.look(code, fresh_s=5).refs
    assert fetched.stat().st_mtime_ns > before


def test_branches_with_slashes_and_tags_are_allowed_and_others_are_not(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "ada/wide/mlp")
    clone.write("train.py", "print('wide')\n")
    commit = clone.commit("wide")
    clone.push()
    clone.git("tag", "-a", "v1", "-m", "first")
    clone.push("v1")
    code = clone.report()
    assert code.commit == commit
    assert clone.look(code).refs == ("refs/heads/ada/wide/mlp", "refs/tags/v1")
    assert clone.look(code, allowed_refs=["refs/heads/main"]).refs == ()
    assert clone.look(code, allowed_refs=["refs/tags/v*"]).refs == ("refs/tags/v1",)
    assert clone.look(code, allowed_refs=["refs/heads/ada/*"]).refs == ("refs/heads/ada/wide/mlp",)
    for hostile in ("--help", "refs/pull/*", "refs/heads/../*", "refs/heads/*\n", "*", "refs/heads/", "", "HEAD"):
        assert clone.look(code, allowed_refs=[hostile]).refs == ()


def test_a_bundle_brings_code_that_is_on_no_remote(clone: Clone) -> None:
    clone.git("checkout", "-q", "--orphan", "alone")
    clone.write("train.py", "print('from nothing')\n")
    clone.commit("orphan")
    clone.write("dirty.py", "z = 3\n")
    code = clone.report(base=None)
    seen = clone.look(code)
    assert seen.rebuilt == code.tree
    assert (seen.refs, seen.base_refs) == ((), ())
    missing = clone.look(replace(code, commit=clone.report().commit), bundle=None)
    assert missing.rebuilt is None
    assert "bundle is not in the store" in missing.rebuild_trouble
    assert clone.look(code, fresh_s=0).refs == ()  # what only a bundle has is reachable from nowhere


def test_locks_that_a_killed_git_left_do_not_stop_the_next(clone: Clone) -> None:
    clone.look(clone.report())
    clone.write("train.py", "print('next')\n")
    clone.commit("next")
    clone.push()
    (clone.mirror / "packed-refs.lock").touch()
    (clone.mirror / "refs" / "heads" / "main.lock").touch()
    looks = [clone.look(clone.report()) for _ in range(2)]
    assert looks[-1].refs


def test_many_may_look_at_once(clone: Clone) -> None:
    codes: list[CodeReport] = []
    for number in range(4):
        clone.write("dirty.py", f"x = {number}\n")
        codes.append(clone.report())
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda code: clone.look(code, fresh_s=0), codes * 2))
    assert [one.rebuilt for one in seen] == [code.tree for code in codes * 2]
    assert all(one.refs for one in seen)


def test_without_a_commit_there_is_nothing_to_look_at(clone: Clone) -> None:
    seen = clone.look(CodeReport(problem="there is no git here"))
    assert not seen.looked
    assert not clone.mirror.exists()


def test_a_repository_with_long_ids(tmp_path: Path) -> None:
    clone = Clone.make(tmp_path, ids="sha256")
    clone.write("dirty.py", "x\n")
    code = clone.report()
    assert code.commit is not None
    assert len(code.commit) == 64
    seen = clone.look(code)
    assert (seen.refs, seen.rebuilt) == (("refs/heads/main",), code.tree)


def test_what_a_killed_registry_left_is_swept(clone: Clone) -> None:
    clone.look(clone.report())
    left = clone.mirror / "rebuild-of-a-killed-registry" / "objects"
    left.mkdir(parents=True)
    assert clone.look(clone.report()).rebuilt
    assert not left.parent.exists()


def test_a_mirror_that_is_broken_is_could_not_look(clone: Clone) -> None:
    code = clone.report()
    clone.look(code)
    for file in [path for path in clone.mirror.rglob("objects/*/*") if path.is_file()]:
        file.chmod(0o600)
        file.write_bytes(b"broken")
    seen = clone.look(code)
    assert (seen.looked, seen.refs, seen.rebuilt) == (False, (), None)
    (clone.mirror / "HEAD").unlink()
    assert not clone.look(code).looked


def test_a_mirror_that_cannot_be_written_is_could_not_look(clone: Clone) -> None:
    clone.mirror.parent.write_text("a file where the folder should be")
    seen = clone.look(clone.report())
    assert not seen.looked
    assert "mirror cannot be used" in seen.trouble

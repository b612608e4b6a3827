"""Code, from a real repository to the verdict on the run: the honest cases and the attack inputs G01 to G15."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from registry.checks import judge
from registry.facts import Finding, verdict
from tests.checks.code import Clone, run_git
from tests.checks.hostile import NO_IDS, NO_WORDS, OF_ANOTHER_BASE, hostile_patch
from tests.checks.sound import FACTS, REPORT
from trackrecord.report import CodeReport


def findings(clone: Clone, code: CodeReport, **look: object) -> dict[str, Finding]:
    """What the checks say about a run that is sound except for its code."""
    return judge(replace(REPORT, code=code), replace(FACTS, code=clone.look(code, **look)))


def said(clone: Clone, code: CodeReport, **look: object) -> tuple[str, str, str]:
    """The verdict, and the outcomes of the two checks of code; "refuted" where a failure contradicts."""
    found = findings(clone, code, **look)
    two = ["refuted" if f.refutes else f.outcome for f in (found["commit_reachable"], found["tree_rebuilt"])]
    return verdict(found.values()), two[0], two[1]


def test_honest_runs_are_verified(clone: Clone) -> None:
    assert said(clone, clone.report()) == ("verified", "pass", "pass")
    clone.write("data/weights.bin", b"\0changed\xff")
    clone.write("untracked.py", "x = 1\n")
    assert said(clone, clone.report()) == ("verified", "pass", "pass")


def test_an_unpushed_run_becomes_verified_by_pushing(clone: Clone) -> None:
    clone.write("train.py", "print('better')\n")
    clone.commit("better")
    code = clone.report(base="origin/main")
    assert said(clone, code) == ("unverified", "fail", "pass")
    assert "git push" in findings(clone, code)["commit_reachable"].mend
    clone.push()
    assert said(clone, code) == ("verified", "pass", "pass")


@pytest.mark.parametrize("address", ["ext::sh -c false", "--upload-pack=false", "ssh://-oProxyCommand=false/x"])
def test_g01_g02_g03_a_hostile_address_is_could_not_look(clone: Clone, address: str) -> None:
    assert said(clone, clone.report(), repository=address) == ("unverified", "unknown", "unknown")


@pytest.mark.parametrize("commit", [*NO_IDS, *NO_WORDS])
def test_g04_g05_what_is_no_full_id_is_refuted(clone: Clone, commit: str) -> None:
    assert said(clone, replace(clone.report(), commit=commit))[:2] == ("refuted", "refuted")


def test_g05_another_object_is_no_commit(clone: Clone) -> None:
    code = clone.report()
    assert said(clone, replace(code, commit=code.tree))[:2] == ("refuted", "refuted")


def test_g06_an_imposter_is_not_verified(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "fork")
    clone.write("train.py", "print('imposter')\n")
    clone.commit("imposter")
    clone.push("HEAD:refs/pull/1/head")
    assert said(clone, clone.report()) == ("unverified", "fail", "unknown")
    assert said(clone, clone.report(base="origin/main")) == ("unverified", "fail", "pass")


def test_g07_a_branch_named_like_an_id(clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.write("train.py", "print('second')\n")
    run_git(clone.origin, "update-ref", f"refs/heads/{clone.commit('second')}", first)
    assert said(clone, clone.report())[:2] == ("unverified", "fail")


def test_g08_what_was_forced_away_is_not_reachable_any_more(clone: Clone) -> None:
    clone.write("train.py", "print('to be forced away')\n")
    commit = clone.commit("second")
    clone.push()
    code = clone.report()
    assert said(clone, code)[0] == "verified"
    clone.git("push", "-q", "--force", "origin", f"{commit}~1:refs/heads/main")
    assert said(clone, code, fresh_s=0)[:2] == ("unverified", "fail")


def test_g08_a_repository_that_vanished_is_could_not_look(clone: Clone) -> None:
    code = clone.report()
    clone.look(code)
    clone.origin.rename(clone.origin.with_name("gone.git"))
    assert said(clone, code, fresh_s=0) == ("unverified", "unknown", "unknown")


@pytest.mark.parametrize("path", ["../../outside", ".git/hooks/post-checkout"])
def test_g10_a_patch_that_leaves_the_tree_is_refuted(clone: Clone, path: str) -> None:
    code = replace(clone.report(), patch=clone.keep(hostile_patch(path)))
    assert said(clone, code) == ("refuted", "pass", "refuted")


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_g11_a_patch_that_adds_a_link_is_not_verified_even_if_the_tree_is_right(clone: Clone, mode: str) -> None:
    content = "/etc/passwd" if mode == "120000" else f"Subproject commit {'1' * 40}"
    patch = hostile_patch("link", mode, content)
    patch = patch if mode == "120000" else patch.partition(b"\\ No newline")[0]
    code = replace(clone.report(), patch=clone.keep(patch))
    rebuilt = clone.look(code).rebuilt
    assert rebuilt is not None
    assert said(clone, replace(code, tree=rebuilt)) == ("unverified", "pass", "fail")


OTHER_TREES: dict[str, Callable[[Clone, CodeReport], CodeReport]] = {
    "a patch of another base": lambda clone, code: replace(code, patch=clone.keep(OF_ANOTHER_BASE)),
    "no patch, though there were changes": lambda clone, code: replace(code, patch=None),
    "another patch": lambda clone, code: replace(code, patch=clone.keep(hostile_patch("other.py"))),
    "the tree of the commit": lambda clone, code: replace(code, tree=clone.git("rev-parse", "HEAD^{tree}")),
}


@pytest.mark.parametrize("how", OTHER_TREES)
def test_g12_code_that_is_not_what_ran_is_refuted(clone: Clone, how: str) -> None:
    clone.write("train.py", "print('what really ran')\n")
    code = OTHER_TREES[how](clone, clone.report())
    assert said(clone, code) == ("refuted", "pass", "refuted")


def test_a_patch_that_has_not_arrived_is_could_not_look(clone: Clone) -> None:
    clone.write("train.py", "print('dirty')\n")
    code = clone.report()
    clone.files.clear()
    assert said(clone, code) == ("unverified", "pass", "unknown")
    assert "trackrecord sync" in findings(clone, code)["tree_rebuilt"].mend


def test_a_script_that_is_not_in_the_tree_is_not_verified(clone: Clone) -> None:
    found = findings(clone, clone.report(), entry="elsewhere.py")
    assert (verdict(found.values()), found["entry_in_tree"].outcome) == ("unverified", "fail")


def test_configuration_files_and_the_evaluator_are_looked_for_in_the_rebuilt_tree(clone: Clone) -> None:
    clone.write("conf/base.yaml", "lr: 0.1\n")
    clone.write("eval.py", "print('measured')\n")  # neither is committed: the patch brings them
    code = clone.report()
    seen = clone.look(code, configs=["conf/base.yaml", "conf/none.yaml"], evaluators=["eval.py", "train.py"])
    assert seen.configs_missing == ("conf/none.yaml",)
    assert seen.evaluators["eval.py"] == hashlib.sha256(b"print('measured')\n").hexdigest()
    assert set(seen.evaluators) == {"eval.py", "train.py"}
    assert clone.look(code, evaluators=["no/such.py"]).evaluators == {}


@pytest.mark.parametrize("kind", ["tag", "tree", "blob"])
def test_g05_other_objects_are_named_for_what_they_are(clone: Clone, kind: str) -> None:
    clone.git("tag", "-a", "v1", "-m", "a release")
    clone.git("push", "-q", "origin", "v1")
    named = {"tag": "v1", "tree": "HEAD^{tree}", "blob": "HEAD:train.py"}[kind]
    code = replace(clone.report(), commit=clone.git("rev-parse", named))
    found = findings(clone, code)["commit_reachable"]
    assert (found.outcome, found.refutes) == ("fail", True)
    assert found.reason == f"{(code.commit or '')[:12]} is a {kind}, not a commit."


def test_g12_line_ends_and_binary_files_are_rebuilt_byte_for_byte(clone: Clone) -> None:
    clone.write("windows.txt", b"one\r\ntwo\r\n")
    clone.write("mixed.txt", b"one\ntwo\r\nthree")
    clone.write("data/weights.bin", bytes(range(256)) * 40)
    assert said(clone, clone.report()) == ("verified", "pass", "pass")


def test_g12_a_patch_of_500_mb_is_not_read(clone: Clone) -> None:
    code = replace(clone.report(), patch="f" * 64)
    found = findings(clone, code, patch=bytes(500_000_000))["tree_rebuilt"]
    assert (found.outcome, "larger than 100 MB" in found.reason) == ("unknown", True)


def test_g15_no_finding_shows_a_password(clone: Clone) -> None:
    found = findings(clone, clone.report(), repository="https://ada:hunter2@127.0.0.1:1/x.git", protocols="https")
    assert "hunter2" not in repr(found)


def test_no_git_is_an_answer(clone: Clone) -> None:
    found = findings(clone, CodeReport(problem="train.py is not in a git repository"))
    assert found["commit_reachable"].reason == "train.py is not in a git repository."
    assert found["commit_reachable"].outcome == found["tree_rebuilt"].outcome == "fail"
    assert "commit" in found["tree_rebuilt"].mend

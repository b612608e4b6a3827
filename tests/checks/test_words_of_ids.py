"""What is no commit is said in words, hostile addresses run nothing, and rules name checks that exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.bounds import rules_bounds
from registry.checks import checks, judge
from registry.facts import PolicyFacts, verdict
from tests.checks.code import Clone
from tests.checks.sound import FACTS, REPORT, code
from trackrecord.errors import TrackrecordError
from trackrecord.report import ProjectRules

WORDS = {
    "": "empty",
    " ": "empty",
    "HEAD": "HEAD, which is wherever one stands",
    "main": "a name, which can move to another commit",
    "abc1234": "7 characters long, and a short id can come to mean another commit",
    "0" * 40: "40 zeros, which is how git writes none at all",
    "0" * 39: "39 zeros, which is how git writes none at all",
    "A" * 40: "in capitals, and git writes ids in small letters",
    "c" * 40 + "~1": "a path from one commit to another, not an id",
    "main^{/first}": "a path from one commit to another, not an id",
    "main@{1}": "a path from one commit to another, not an id",
    "main:train.py": "a path from one commit to another, not an id",
    "c" * 40 + "\n": "an id with a blank or a line break beside it",
}


@pytest.mark.parametrize("commit", WORDS)
def test_what_is_no_id_is_said(commit: str) -> None:
    found = checks()["commit_reachable"](code(commit=commit), FACTS)
    assert found.refutes
    assert found.reason == f"What the report calls its commit is no full commit id: it is {WORDS[commit]}."


@pytest.mark.parametrize(
    "address", ["ext::sh -c touch% {canary}", "--upload-pack=touch {canary}", "ssh://-oProxyCommand=touch%20{canary}/x"]
)
def test_a_hostile_address_touches_no_canary_and_is_could_not_look(clone: Clone, tmp_path: Path, address: str) -> None:
    canary = tmp_path / "canary"
    seen = clone.look(clone.report(), repository=address.format(canary=canary), protocols="file:https:ssh:ext")
    found = judge(replace(REPORT, code=clone.report()), replace(FACTS, code=seen))
    outcomes = {name: found[name].outcome for name in ("commit_reachable", "tree_rebuilt", "entry_in_tree")}
    assert set(outcomes.values()) == {"unknown"}
    assert "could run a program" in found["commit_reachable"].reason
    assert verdict(found.values()) == "unverified"
    assert not canary.exists()


def test_rules_name_checks_that_exist() -> None:
    rules_bounds(ProjectRules(checks=sorted(checks())))
    with pytest.raises(TrackrecordError, match="is no check; there are artifacts_intact, "):
        rules_bounds(ProjectRules(checks=["data_pinned", "no_such_check"]))


@pytest.mark.parametrize(
    ("dirty", "taken", "outcome"), [(True, True, "pass"), (False, False, "pass"), (True, False, "fail")]
)
def test_uncommitted_changes_are_the_projects_to_take(dirty: bool, taken: bool, outcome: str) -> None:
    facts = replace(FACTS, policy=PolicyFacts(dirty_trees=taken))
    assert checks()["tree_rebuilt"](code(dirty=dirty), facts).outcome == outcome

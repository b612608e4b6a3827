"""Other code than the team can get: uncommitted, of a fork, forced away."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.flows.repository import git
from tests.threats.office import Office, a_verified_run


def runs_a_dirty_tree(office: Office) -> None:
    code, patch = office.changed("train.py", "print('a little better')\n")
    office.upload(patch)
    run = a_verified_run(office, code=code)
    assert f"exactly the reported tree {(code.tree or '')[:12]}" in office.found(run, "tree_rebuilt").reason
    assert "with uncommitted changes, rebuilt by the registry" in office.best()
    untracked, patch = office.changed("augment.py", "print('mine')\n")
    office.upload(patch)
    a_verified_run(office, code=untracked)
    # What ran is another tree than what he hands in.
    other = office.train(code=replace(untracked, tree=code.tree))
    office.look()
    assert (office.verdict(other), office.found(other, "tree_rebuilt").refutes) == ("refuted", True)
    office.rules(dirty_trees=False)
    office.again(run)
    assert office.found(run, "tree_rebuilt").reason == "The tree has uncommitted changes, and the project takes none."
    assert "code outside the repository" in office.ask("receipt", "brave-otter-1")


def uses_a_forks_commit(office: Office) -> None:
    office.repository.commit("train.py", "print('of a fork')\n")
    git(office.repository.clone, "push", "-q", "origin", "HEAD:refs/pull/7/head")
    run = office.train()
    office.look()
    found = office.found(run, "commit_reachable")
    assert (office.verdict(run), found.outcome) == ("unverified", "fail")
    assert "is on no allowed branch or tag of the repository" in office.ask("show", "brave-otter-1")


def force_pushes_later(office: Office) -> None:
    office.repository.commit("train.py", "print('soon forced away')\n")
    office.repository.push()
    run = a_verified_run(office)
    git(office.repository.clone, "push", "-q", "--force", "origin", "HEAD~1:main")
    fetched(office)
    office.look(timedelta(hours=25))  # every run on a board is looked at once a day
    assert office.verdict(run) == "unverified"
    shown = office.ask("show", "brave-otter-1")
    assert f"it was reachable at {datetime.now(UTC):%Y-%m-%d}" in shown
    assert "and the registry keeps it" in shown
    assert office.found(run, "tree_rebuilt").outcome == "fail", "its base is on no branch either"
    git(office.repository.clone, "push", "-q", "--force", "origin", "HEAD:main")
    office.again(run)
    assert office.verdict(run) == "verified"


def fetched(office: Office) -> None:
    """The mirror was asked long ago: the next look asks again."""
    for marker in (office.scene.settings.data_dir / "mirrors").glob("*/*"):
        if marker.is_file() and "fetched" in marker.name.lower():
            os.utime(marker, (0, 0))

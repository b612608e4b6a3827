"""A secret that a run would show is looked for before the run counts, and what could not be looked at is no pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from registry import leaks
from registry.checks import no_secrets
from tests.threats.office import Office

SECRET = "ghp_" + "a1B2" * 10


@pytest.fixture
def office(sqlite_engine: sa.Engine, tmp_path: Path) -> Office:
    return Office.open(sqlite_engine, tmp_path)


def test_a_patch_that_has_not_arrived_is_no_pass_and_is_looked_at_when_it_has(office: Office) -> None:
    code, patch = office.changed("train.py", "print('better')\n")
    run = office.train(code=code)
    office.look()
    found = office.found(run, "no_secrets")
    assert (office.verdict(run), found.outcome) == ("unverified", "unknown")
    assert found.reason.startswith("The patch of uncommitted changes is not in the store")
    office.upload(patch)
    office.again(run)
    assert (office.verdict(run), office.found(run, "no_secrets").outcome) == ("verified", "pass")


def test_a_secret_in_a_late_patch_hides_the_run(office: Office) -> None:
    code, patch = office.changed("train.py", f"KEY = '{SECRET}'\n")
    run = office.train(code=code)
    office.look()
    office.upload(patch)
    office.again(run)
    found = office.found(run, "no_secrets")
    assert (office.verdict(run), found.outcome) == ("unverified", "fail")
    assert "patch: train.py:1; the run's content is hidden" in found.reason
    assert {who: office.send("GET", f"artifacts/{code.patch}", who=who)[0] for who in ("reader", "runner")} == {
        "reader": 404,
        "runner": 404,
    }


def test_a_patch_that_is_not_looked_through_to_its_end_is_no_pass(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, patch = office.changed("train.py", "x = 1\n" * 99)
    for module in (leaks, no_secrets):
        monkeypatch.setattr(module, "MOST_READ", len(patch) - 1)
    office.upload(patch)
    run = office.train(code=code)
    office.look()
    assert (office.verdict(run), office.found(run, "no_secrets").outcome) == ("unverified", "unknown")
    assert office.found(run, "tree_rebuilt").outcome == "pass"


def test_a_patch_that_git_is_not_handed_is_said_to_be_too_large(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, patch = office.changed("train.py", "x = 1\n" * 99)
    monkeypatch.setattr("registry.git.MOST_PATCH_BYTES", len(patch) - 1)
    office.upload(patch)
    run = office.train(code=code)
    office.look()
    assert "the patch is larger than" in office.found(run, "tree_rebuilt").reason

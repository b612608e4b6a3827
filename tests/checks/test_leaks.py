"""Where a run gives a secret away: every place is named, no secret is shown, and what the client cleaned is clean."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import leaks
from registry.leaks import MOST_PLACES, secrets_in
from tests.checks.sound import REPORT
from trackrecord import redact
from trackrecord.report import (
    AttemptReport,
    CodeReport,
    CommandReport,
    EnvironmentReport,
    PackageReport,
    RunReport,
    SubmoduleReport,
)

SECRET = "ghp_" + "a1B2" * 10
URL = "https://ada:hunter2secret@example.org/x.git"


def environment(**changed: Any) -> RunReport:
    return replace(REPORT, environment=replace(REPORT.environment, **changed))


PLACES = [
    (replace(REPORT, params={"api_key": SECRET}), "params.api_key"),
    (replace(REPORT, params={"model": {"db_password": "x"}}), "params.model.db_password"),
    (replace(REPORT, params={"notes": ["fine", SECRET]}), "params.notes"),
    (replace(REPORT, params={SECRET: 1}), "params.[redacted: a GitHub token]"),
    (replace(REPORT, seeds={"torch": SECRET}), "seeds.torch"),
    (replace(REPORT, command=CommandReport(argv=["train.py", "--lr", "1", "--token", "x"])), "argv[4]"),
    (replace(REPORT, command=CommandReport(argv=["train.py", f"--hub={SECRET}"])), "argv[1]"),
    (replace(REPORT, code=CodeReport(remote=URL)), "remote"),
    (
        environment(packages=[PackageReport(name="own", version="1", origin=URL)]),
        "the address of the package own",
    ),
    (environment(variables={"HF_TOKEN": "x"}), "the variable HF_TOKEN"),
]


@pytest.mark.parametrize(("report", "place"), PLACES)
def test_each_place_is_named_and_the_secret_is_not_shown(report: RunReport, place: str) -> None:
    assert secrets_in(report, None) == (place,)
    assert "hunter2" not in place
    assert SECRET not in place


def test_a_secret_in_the_patch_is_named_with_its_file_and_line() -> None:
    patch = (
        f"diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -40,1 +40,2 @@\n x\n+k = '{SECRET}'\n"
    )
    assert secrets_in(REPORT, patch.encode()) == ("patch: train.py:41",)


def test_of_a_large_patch_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fine, bad = b"+x = 1\n" * 100, f"+k = '{SECRET}'\n".encode()
    monkeypatch.setattr(leaks, "MOST_READ", len(fine))
    assert secrets_in(REPORT, bad + fine) == ("patch: ?:1",)
    assert secrets_in(REPORT, fine + bad) == ()  # the check says then that it was not read to its end


@pytest.mark.parametrize(
    "params",
    [
        {"sha": "c" * 40, "digest": "d" * 64},
        {"api_key": "[redacted: api_key]"},
        {"auth": {"method": "basic"}},  # judged by its own name, as the client does
        {"max_tokens": "4096", "pad_token": "<pad>"},
        {"token": 3, "password": None, "secret": True},
        {},
    ],
)
def test_what_is_no_secret_is_none(params: dict[str, Any]) -> None:
    assert secrets_in(replace(REPORT, params=params), b"") == ()


_VALUES = st.recursive(
    st.none() | st.integers() | st.sampled_from([SECRET, URL, "x", "[redacted: x]"]) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["auth", "token", "lr", SECRET]), inner)
    ),
    max_leaves=8,
)


@given(
    params=st.dictionaries(st.sampled_from(["api_key", "auth", "lr", SECRET]) | st.text(max_size=9), _VALUES),
    argv=st.lists(st.sampled_from(["--token", "--lr", "x", "TOKEN=x", f"--u={URL}", SECRET, "-1"]), max_size=6),
)
@settings(max_examples=80, deadline=None)
def test_what_the_client_cleaned_is_clean(params: dict[str, Any], argv: list[str]) -> None:
    cleaned = replace(REPORT, params=redact.mapping(params), command=CommandReport(argv=redact.argv(argv)))
    assert secrets_in(cleaned, None) == ()


def test_only_so_many_places_are_named() -> None:
    assert len(secrets_in(replace(REPORT, params={f"token {n}": "x" for n in range(99)}), None)) == MOST_PLACES


def test_a_hostile_report_takes_no_longer_than_its_length() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"a": [deep]}
    lines = (b"+token = " + b"'a" * 2_000 + b"\n") * 500  # 2 MB in which every line has to be read
    began = time.process_time()
    report = replace(
        REPORT, params={"deep": deep}, environment=EnvironmentReport(python="3", variables={"A": "://" * 9999})
    )
    assert secrets_in(report, lines) == ()
    assert time.process_time() - began < 10


def test_a_submodule_has_a_patch_of_its_own() -> None:
    inner = SubmoduleReport(path="lib", commit="a" * 40, patch="b" * 64)
    report = replace(REPORT, code=replace(REPORT.code, submodules=[inner]))
    token = "gh" + "p_" + "aB3dE5gH7j" * 4
    patch = f"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -0,0 +7 @@\n+{token}\n".encode()
    assert secrets_in(report, None, (), {"b" * 64: patch}) == ("patch of lib: x.py:7",)
    attempt = AttemptReport(number=2, report=report)
    assert secrets_in(REPORT, None, [attempt], {"b" * 64: patch}) == ("attempt 2: patch of lib: x.py:7",)

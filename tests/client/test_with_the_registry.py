"""The client against the real registry, started as a program: from a script in a clone to a verdict and an answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackrecord
from tests.client import served as programs
from tests.client.conftest import Repository
from tests.client.test_cli import cli
from trackrecord import config
from trackrecord.capture.data import Digests, of_path
from trackrecord.client import Client

TRAIN = """
import sys, time, trackrecord, model
with trackrecord.run("milestone-1", params={"lr": 0.1, "seed": 3, "layers": model.LAYERS}) as run:
    run.dataset("digits/test", path="data", split="test")
    for epoch in range(20):
        run.log({"train/loss": 1 / (epoch + 1), "test/accuracy": 0.5 + epoch / 50}, step=epoch)
        time.sleep(0.01)
        if "wait" in sys.argv:
            print("waiting", flush=True); time.sleep(60)
    open("model.pt", "wb").write(b"weights" * 1000)
    run.artifact("model.pt", step=19)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A registry as its own program: its address and its first token."""
    with programs.served(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def real(served: tuple[str, str], tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process is configured as the registry's admin, and milestone-1 has the test's own repository."""
    monkeypatch.setenv("TRACKRECORD_URL", served[0])
    monkeypatch.setenv("TRACKRECORD_TOKEN", served[1])
    _define(repository, tmp_path)
    return served[0]


def _define(repository: Repository, tmp_path: Path) -> None:
    repository.write("data/one.txt", "1 2 3\n")
    repository.write("train.py", TRAIN)
    repository.write("requirements.lock", "numpy==2.0\n")
    repository.push("a training script")
    digest = of_path(repository.path / "data", Digests(tmp_path / "none.json")).digest
    (tmp_path / "project.toml").write_text(
        f'project = "milestone-1"\ntitle = "Digits"\nrepository = "{repository.origin.as_uri()}"\n'
        f'[[metrics]]\nname = "test/accuracy"\nsplit = "test"\ndataset = "digits/test"\ndataset_digest = "{digest}"\n'
    )
    done = cli("define", str(tmp_path / "project.toml"))
    assert done.returncode == 0, done.stderr


def _train(repository: Repository) -> str:
    """Run the script as a person does; returns the run's name."""
    return re.findall(r"trackrecord: (\S+) of milestone-1", _said(repository))[0]


def _said(repository: Repository) -> str:
    """What the client says beside the script."""
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=repository.path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def _seen(name: str, until: str, seconds: float = 30.0) -> dict[str, Any]:
    """The run of that name once its verdict is `until`, as GET /api/v1/runs/{id} shows it."""
    door = Client(config.load())
    give_up = time.monotonic() + seconds
    while True:
        run_id = _id_of(door, name)
        seen = dict(door.ask("GET", f"/api/v1/runs/{run_id}"))
        if seen["checked"] and seen["verdict"] == until:
            return seen
        assert time.monotonic() < give_up, json.dumps(seen["findings"], indent=1)
        time.sleep(0.2)


def _id_of(door: Client, name: str) -> str:
    answer = json.dumps(door.ask("GET", "/api/v1/answers/show", query={"words": name}))
    return re.findall(r"[0-9A-HJKMNP-TV-Z]{26}", answer)[0]


def test_a_dirty_tree_is_verified_and_answered(real: str, repository: Repository) -> None:
    repository.write("weights.bin", bytes(range(256)) * 9)
    repository.write("model/__init__.py", "from model.new import LAYERS\n")
    repository.write("model/new.py", "LAYERS = 3\n")
    name = _train(repository)
    seen = _seen(name, "verified")
    assert seen["headline"] == {"metric": "test/accuracy", "value": 0.88, "step": 19}
    assert seen["report"]["code"]["proved"]
    assert sorted(seen["report"]["code"]["changed"]) == ["model/__init__.py", "model/new.py", "weights.bin"]
    best = cli("best", "milestone-1")
    assert (best.returncode, name in best.stdout) == (0, True), best.stderr + best.stdout
    shown = json.loads(cli("show", name, "--json").stdout)
    assert shown["parts"]
    digest = hashlib.sha256(b"weights" * 1000).hexdigest()
    got = cli("fetch", digest, "-o", str(repository.path.parent / "got.pt"))
    assert got.returncode == 0, got.stderr
    assert (repository.path.parent / "got.pt").read_bytes() == b"weights" * 1000


def test_a_run_that_repeats_another_says_so_once(real: str, repository: Repository) -> None:
    repository.write("model/__init__.py", "LAYERS = 7\n")
    first = _said(repository)
    assert "ran as" not in first
    name = re.findall(r"trackrecord: (\S+) of milestone-1", first)[0]
    _seen(name, "verified")
    (repository.path / "model.pt").unlink()  # what the first one wrote would be in the tree of the second
    again = re.findall(r"the same code, parameters and seed ran as (.*)", _said(repository))
    assert len(again) == 1
    assert re.fullmatch(rf"{name} \((just now|\d+ s ago), 0\.88, verified\)", again[0]), again


def test_the_recipe_rebuilds_the_tree_that_ran(real: str, repository: Repository, tmp_path: Path) -> None:
    repository.write("model/__init__.py", "LAYERS = 5  # übung\n")
    repository.write("fresh.bin", os.urandom(2000))
    name = _train(repository)
    seen = _seen(name, "verified")
    answer = json.loads(cli("repro", name, "--json").stdout)
    script = next(part["text"] for part in answer["parts"] if part["part"] == "code")
    place = tmp_path / "again"
    place.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"tree rebuilt: {seen['report']['code']['tree']}" in done.stdout


def test_an_unpushed_commit_is_unverified_until_it_is_pushed(real: str, repository: Repository) -> None:
    repository.write("model/__init__.py", "LAYERS = 4\n")
    repository.git("commit", "-qam", "not pushed")
    name = _train(repository)
    seen = _seen(name, "unverified")
    [failed] = [each for each in seen["findings"] if each["check"] == "commit_reachable"]
    assert failed["outcome"] == "fail"
    assert "git push" in failed["mend"]
    repository.git("push", "-q", "origin", "HEAD")
    assert cli("recheck", name).returncode == 0
    _seen(name, "verified")


def test_a_killed_run_is_closed_by_sync(real: str, repository: Repository) -> None:
    with subprocess.Popen(
        [sys.executable, "train.py", "wait"],
        cwd=repository.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdout is not None
        assert script.stderr is not None
        assert script.stdout.readline() == "waiting\n"
        script.kill()
        name = re.findall(r"trackrecord: (\S+) of", script.stderr.read())[0]
    done = cli("sync")
    assert (done.returncode, f"{name} of milestone-1: delivered, killed" in done.stdout) == (0, True), done.stdout
    seen = _seen(name, "unverified")
    assert seen["state"] == "killed"
    points = Client(config.load()).ask("GET", f"/api/v1/runs/{seen['run']}/history", query={"metric": "train/loss"})
    assert (points["steps"], points["values"]) == ([0], [1.0])


def test_a_run_outside_of_git_travels_as_far_as_it_can(real: str, tmp_path: Path) -> None:
    with trackrecord.run("milestone-1", params={"lr": 0.1}) as run:
        run.log({"test/accuracy": float("nan")})
    seen = _seen(run.name, "unverified")
    outcomes = {each["check"]: each["outcome"] for each in seen["findings"]}
    assert outcomes["commit_reachable"] == outcomes["headline_recomputed"] == "fail"
    assert outcomes["history_complete"] == outcomes["report_well_formed"] == "pass"

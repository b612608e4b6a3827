"""examples/digits is what it says: a fixed split, an honest score, a script that trains with or without a registry."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from registry import tokens

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy as a newcomer has it, without data/."""
    copy = tmp_path_factory.mktemp("digits") / "digits"
    shutil.copytree(DIGITS, copy, ignore=shutil.ignore_patterns("data", "out", "__pycache__"))
    return copy


def _train(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRACKRECORD_")}
    environment = {**kept, "HOME": str(folder.parent), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", **more}
    return subprocess.run(
        [sys.executable, "train.py", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_without_a_registry_it_trains_and_says_once_what_is_left_to_do(folder: Path) -> None:
    done = _train(folder, "--lr", "0.1", TRACKRECORD_URL="http://127.0.0.1:9", TRACKRECORD_TOKEN=tokens.make())
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split("test/accuracy ")[1].split("%")[0])
    assert 85 < accuracy < 95
    said = [line for line in done.stderr.splitlines() if line.strip()]
    assert all(line.startswith("trackrecord: ") for line in said), done.stderr
    assert len([line for line in said if "trackrecord sync" in line]) == 1, done.stderr
    assert len(done.stdout.splitlines()) == 1, done.stdout


def test_equal_seeds_give_equal_numbers(folder: Path) -> None:
    said = {_train(folder, "--epochs", "5", "--seed", "3", TRACKRECORD_DISABLED="1").stdout for _ in range(2)}
    assert len({text.splitlines()[-1] for text in said}) == 1, said


def test_a_huge_learning_rate_diverges_to_nan(folder: Path) -> None:
    done = _train(folder, "--lr", "1000", "--hidden", "12", TRACKRECORD_DISABLED="1")
    assert done.returncode == 0, done.stderr
    assert "accuracy nan%" in done.stdout


def test_the_pinned_digest_is_the_data(folder: Path) -> None:
    subprocess.run([sys.executable, "data.py"], cwd=folder, check=True)
    (metric,) = tomllib.loads((folder / "project.toml").read_text())["metrics"]
    content = (folder / "data/test.npy").read_bytes()
    assert metric["dataset_digest"] == hashlib.sha256(content).hexdigest()
    assert (metric["name"], metric["split"], metric["dataset"]) == ("test/accuracy", "test", "digits/test")

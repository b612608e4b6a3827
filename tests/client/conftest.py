"""A private home for every test, a registry to post to, and real git repositories with a bare origin."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.wire import TOKEN, WireRegistry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the person who runs the tests: no configuration, no journals, no git settings, no launcher."""
    place = tmp_path / "home"
    place.mkdir()
    for name in list(os.environ):
        if name.startswith(("TRACKRECORD_", "GIT_", "XDG_", "SLURM_", "RANK")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("TRACKRECORD_SYSTEM_METRICS", "0")  # tests count points, and artifacts;
    monkeypatch.setenv("TRACKRECORD_CONSOLE", "0")  # what pytest captures goes into a file
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[WireRegistry]:
    """A registry that this process is configured for."""
    wire = WireRegistry()
    monkeypatch.setenv("TRACKRECORD_URL", wire.url)
    monkeypatch.setenv("TRACKRECORD_TOKEN", TOKEN)
    yield wire
    wire.stop()


@dataclass(frozen=True)
class Repository:
    """A clone with a bare origin beside it."""

    path: Path
    origin: Path

    def git(self, *words: str, cwd: Path | None = None, **variables: str) -> str:
        return git(*words, cwd=cwd or self.path, **variables)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def push(self, message: str = "more") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")


def git(*words: str, cwd: Path, feed: bytes | None = None, **variables: str) -> str:
    """Run git as the user of the tests would, with a name to commit under."""
    who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    who |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}
    done = subprocess.run(
        ["git", *words], cwd=cwd, env={**os.environ, **who, **variables}, input=feed, capture_output=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A pushed commit with a script, a module, a binary file, a program and a link."""
    origin, path = tmp_path / "origin.git", tmp_path / "work"
    git("init", "-q", "--bare", "-b", "main", str(origin), cwd=tmp_path)
    git("clone", "-q", str(origin), str(path), cwd=tmp_path)
    made = Repository(path, origin)
    made.git("checkout", "-q", "-b", "main")
    made.write("train.py", "import model\nprint('training')\n")
    made.write("model/__init__.py", "LAYERS = 2\n")
    made.write("weights.bin", bytes(range(256)) * 40)
    made.write("run.sh", "#!/bin/sh\necho hello\n").chmod(0o755)
    made.write("notes.txt", "one\ntwo\nthree\n")
    (path / "link").symlink_to("notes.txt")
    made.push("first")
    return made


@pytest.fixture
def script(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a script in the repository as a person would; returns the finished process."""

    def start(source: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        repository.write("train.py", textwrap.dedent(source))
        repository.push("script")
        env = {**os.environ, **variables}
        return subprocess.run(
            [sys.executable, "train.py", *words],
            cwd=repository.path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start

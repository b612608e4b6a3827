"""One registry for the folder, and scripts that run with the real frameworks in an environment of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.client import served
from tests.frameworks.ensure import Frameworks, ensure
from trackrecord import config
from trackrecord.client import Client

SCRIPTS = Path(__file__).parent / "scripts"


def line(script: str, code: str) -> str:
    """Where a script has this code, as an error names it: "with_keras.py:24"."""
    lines = (SCRIPTS / script).read_text().splitlines()
    [number] = [at for at, each in enumerate(lines, 1) if code in each]
    return f"{script}:{number}"


@pytest.fixture(scope="session")
def frameworks() -> Frameworks:
    """The environment; what needs torch asks for `torch` instead."""
    return ensure()


@pytest.fixture
def torch(frameworks: Frameworks) -> None:
    """Skips where there is no CPU build of torch."""
    if frameworks.no_torch is not None:
        pytest.skip(frameworks.no_torch)


@dataclass(frozen=True)
class Bench:
    """Where a script runs and where its runs go."""

    python: str
    env: dict[str, str]
    place: Path
    said: list[str] = field(default_factory=list)  # on stderr

    def run(self, script: str, *words: str, code: int = 0, **variables: str) -> list[dict[str, Any]]:
        """What the script tells, line by line; fails when it ends otherwise than with `code`, or hangs."""
        done = self.start(script, *words, **variables)
        self.said.append(done.stderr)
        assert done.returncode == code, done.stderr[-4000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]

    def start(self, script: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The finished process; one that hangs is ended with all that it started."""
        command = [self.python, script, *words]
        with subprocess.Popen(
            command,
            cwd=self.place,
            env=self.env | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                pytest.fail(f"{script} hangs\n{out[-2000:]}\n{err[-2000:]}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def sync(self) -> None:
        """Deliver what did not arrive within the script's last ten seconds."""
        done = self.start(str(Path(self.python).with_name("trackrecord")), "sync")
        assert done.returncode == 0, done.stderr

    def all(self) -> list[dict[str, Any]]:
        """Every run that this test's scripts began."""
        return [self.seen(run_id) for run_id in self.names()]

    def names(self) -> dict[str, str]:
        """The names of the runs that the scripts began, by their ids."""
        said = re.findall(r"trackrecord: (\S+) of milestone-1 \S+/runs/([0-9A-Z]{26})", "".join(self.said))
        return {run_id: name for name, run_id in said}

    def seen(self, run_id: str) -> dict[str, Any]:
        """A run as the registry shows it, once it is checked."""
        until = time.monotonic() + 20
        while True:
            seen = dict(self._door().ask("GET", f"/api/v1/runs/{run_id}"))
            if seen["checked"]:
                return seen
            assert time.monotonic() < until, seen
            time.sleep(0.1)

    def points(self, run_id: str, metric: str) -> dict[str, Any]:
        """The metric's whole history: steps, values, count."""
        return dict(
            self._door().ask("GET", f"/api/v1/runs/{run_id}/history", query={"metric": metric, "points": "20000"})
        )

    def shown(self, name: str) -> str:
        """All that the registry answers about the run, as text."""
        return json.dumps(self._door().ask("GET", "/api/v1/answers/show", query={"words": name}), ensure_ascii=False)

    def artifacts(self, name: str) -> set[str]:
        """The names of a run's artifacts, as the answer to `show` lists them."""
        answer = self._door().ask("GET", "/api/v1/answers/show", query={"words": name})
        return {row[0] for part in answer["parts"] if part.get("title") == "Artifacts" for row in part["rows"]}

    def _door(self) -> Client:
        return Client(config.load(self.env))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with served.served(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def bench(frameworks: Frameworks, registry: tuple[str, str], tmp_path: Path) -> Bench:
    """Nothing of the person who runs the tests: a home of its own, no launcher's variables."""
    kept = ("PATH", "LANG", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {
        "HOME": str(tmp_path),
        "TRACKRECORD_URL": registry[0],
        "TRACKRECORD_TOKEN": registry[1],
        "TRACKRECORD_SYSTEM_METRICS": "0",
        "KERAS_BACKEND": "torch",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    for script in SCRIPTS.glob("*.py"):
        shutil.copy(script, tmp_path)  # outside of this repository, which would be captured as the scripts' code
    made = Bench(frameworks.python, env, tmp_path)
    headline = {"name": "test/accuracy", "split": "test", "dataset": "digits/test", "dataset_digest": "0" * 64}
    rules = {"title": "Digits", "metrics": [headline]}
    made._door().ask("PUT", "/api/v1/projects/milestone-1", json.dumps(rules).encode())
    return made

"""Where faults are tried: a real registry, scripts that are real processes, and what arrived of a run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

import trackrecord
from registry import history
from registry.db import reading
from registry.packing import together
from registry.summary import ordered
from registry.tables import Equivocation, Remark, Run
from tests.flows.process import Registry

PROJECT = "milestone-1"
SCRIPTS = Path(__file__).parent / "scripts"
_ROOT = Path(trackrecord.__file__).parents[1]


def seed(what: str) -> random.Random:
    """Lots that can be drawn again: the seed is printed, and TRACKRECORD_FAULTS_SEED takes one back."""
    chosen = os.environ.get("TRACKRECORD_FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"{what}: TRACKRECORD_FAULTS_SEED={chosen}")
    return random.Random(f"{what} {chosen}")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A run as the registry has it. `points`: every metric's steps, times in ms and values, in order."""

    run: Run
    points: dict[str, tuple[list[int], list[int], list[float]]]
    notes: list[str]
    finish: dict[str, Any]
    whole: bool  # every batch that the finish names is here, in an unbroken chain

    def steps(self, metric: str = "loss") -> list[int]:
        return self.points[metric][0] if metric in self.points else []


@dataclass(slots=True)
class Place:
    """A home of journals, and scripts that record into it. `url` is where they think that the registry is."""

    registry: Registry
    engine: sa.Engine
    folder: Path
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        for each in (self.folder / "work", self.folder / "tmp"):
            each.mkdir(parents=True, exist_ok=True)

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a script: nothing of the person who runs the tests, and no launcher."""
        strange = ("TRACKRECORD_", "SLURM_", "RANK", "GIT_", "XDG_")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        plain = {name: value for name, value in plain.items() if not name.lower().endswith("_proxy")}
        own = {
            "TRACKRECORD_URL": self.registry.url,
            "TRACKRECORD_TOKEN": self.registry.admin_token,
            "TRACKRECORD_HOME": str(self.home),
            "TRACKRECORD_SYSTEM_METRICS": "0",
            "TRACKRECORD_CONSOLE": "0",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(_ROOT),
        }
        return {**plain, **own, **more}

    def start(self, script: str, *words: object, **variables: str) -> subprocess.Popen[str]:
        """A script as a process that leads a group of its own; its output is read by whoever waits for it.

        It runs from a copy: here it would record this whole repository.
        """
        copy = self.folder / "work" / script
        if not copy.exists():
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as fresh:
                fresh.write((SCRIPTS / script).read_bytes())
            os.replace(fresh.name, copy)  # in one piece: several are started at once
        return subprocess.Popen(
            [sys.executable, script, *map(str, words)],
            cwd=self.folder / "work",
            env=self.variables(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def train(self, script: str, *words: object, **variables: str) -> tuple[dict[str, Any], str]:
        """Run a script to its end, which must be a good one: what it prints (one JSON object), what the client says."""
        with self.start(script, *words, **variables) as process:
            out, err = _said(process, 90)
        assert process.returncode == 0, err
        return json.loads(out), err

    def syncing(self, **variables: str) -> subprocess.Popen[str]:
        """`trackrecord sync` as it begins."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("trackrecord")), "sync"],
            cwd=self.folder / "work",
            env=self.variables(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sync(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """`trackrecord sync` to its end."""
        with self.syncing(**variables) as process:
            out, err = _said(process, 300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def pending(self) -> list[Path]:
        """The folders of runs that are still here."""
        return sorted((self.home / "runs").iterdir()) if (self.home / "runs").is_dir() else []

    def arrived(self, run_id: str) -> Arrived | None:
        """The run, from the registry's own database."""
        with reading(self.engine) as session:
            run = session.get(Run, run_id)
            if run is None:
                return None
            series = {name: ordered(together(parts)) for name, parts in history.everything(session, run_id)}
            facts = history.facts(session, run)
            notes = [row.text for row in session.exec(select(Remark).where(Remark.run_id == run_id))]
            doubled = session.exec(select(Equivocation).where(Equivocation.run_id == run_id)).all()
            finish = json.loads(run.finish) if run.finish else {}
            ends = finish.get("writers", {})
            whole = not facts.gaps and not doubled and set(ends) == set(facts.heads)
            for writer, end in ends.items():
                whole = whole and (facts.batches[writer], facts.heads[writer]) == (end["batches"], end["head"])
            session.expunge(run)
            return Arrived(
                run,
                {
                    name: (each.steps.tolist(), each.times.tolist(), each.values.tolist())
                    for name, each in series.items()
                },
                notes,
                finish,
                whole,
            )

    def judged(self, run_id: str, seconds: float = 90.0) -> dict[str, Any]:
        """The run as GET /api/v1/runs/{id} shows it, once its checks are through."""
        until = time.monotonic() + seconds
        while True:
            status, seen = self.registry.send("GET", f"/api/v1/runs/{run_id}", self.registry.admin_token)
            if status == 200 and seen["checked"]:
                return dict(seen)
            assert time.monotonic() < until, seen
            time.sleep(0.1)

    def reason(self, run_id: str) -> tuple[str, str]:
        """The verdict, and what the check of the history says."""
        seen = self.judged(run_id)
        [finding] = [each for each in seen["findings"] if each["check"] == "history_complete"]
        return seen["verdict"], f"{finding['outcome']}: {finding['reason']} {finding['mend']}".strip()


def _said(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    """What it printed by its end, which comes within so many seconds."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end within {seconds} s: {out}{err}") from None

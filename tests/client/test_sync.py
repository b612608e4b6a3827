"""What stays on a machine is delivered later, once; a killed run is closed as killed, and nothing of it is lost."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import trackrecord
from tests.client.wire import WireRegistry
from tests.soak import count
from trackrecord import config, folder, sync
from trackrecord.client import Client

WRITER = """
import sys, trackrecord
run = trackrecord.run("milestone-1", params={"lr": 0.1})
print("started", run.id, flush=True)
for step in range(10**9):
    if run.log({"loss": step / 7, "accuracy": float(step)}, step=step):
        sys.stdout.write(f"{step}\\n")
        sys.stdout.flush()
"""


def _sync(gone: str = "") -> list[sync.Synced]:
    told = config.load()
    return list(sync.sync(told, Client(told), gone))


def _killed_after(seconds: float, **variables: str) -> int:
    """Start a script that logs, kill it without warning, and return the last step whose log() had come back."""
    env = {**os.environ, **variables}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as script:
        assert script.stdout is not None
        assert script.stdout.readline().startswith(b"started")
        time.sleep(seconds)
        script.send_signal(signal.SIGKILL)
        said = script.stdout.read().decode()
    # The last line may be torn; a line that ends was printed after log() had returned.
    return int((["-1", *said.split("\n")])[-2] or -1) if said else -1


def test_offline_runs_are_delivered_once(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_bytes(b"weights")
    with monkeypatch.context() as offline:
        offline.setenv("TRACKRECORD_MODE", "offline")
        for number in range(3):
            with trackrecord.run("milestone-1", params={"number": number}) as run:
                run.log({"loss": float(number)})
                run.artifact(tmp_path / "model.pt")
    assert registry.requests == []
    assert [(each.outcome, each.state) for each in _sync()] == [("delivered", "finished")] * 3
    assert sorted(json.loads(run.report)["params"]["number"] for run in registry.runs.values()) == [0, 1, 2]
    for kept in registry.runs.values():
        kept.check_chains()
    assert list(registry.artifacts.values()) == [b"weights"]
    assert _sync() == []


def test_a_server_that_was_away_gets_it_later(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trackrecord.endings._FLUSH_S", 0.3)
    registry.stop()
    with trackrecord.run("milestone-1") as run:
        for step in range(1_000):
            run.log({"loss": float(step)}, step=step)
    assert "not delivered yet" in capsys.readouterr().err
    # This process still tries, and holds the lock; whoever comes first delivers it.
    registry.start_again()
    until = time.monotonic() + 20
    while not (registry.runs and registry.run.finish) and time.monotonic() < until:
        _sync()
        time.sleep(0.1)
    assert registry.run.points()["loss"] == [(step, float(step)) for step in range(1_000)]
    registry.run.check_chains()


@pytest.mark.soak
@pytest.mark.parametrize("point", range(count(10, 1_000)))
def test_kill_9_at_a_random_point_loses_nothing_that_was_accepted(registry: WireRegistry, point: int) -> None:
    seconds = random.Random(point).uniform(0.0, 0.35)
    last = _killed_after(seconds, **({"TRACKRECORD_MODE": "offline"} if point % 2 else {}))
    outcomes = [(each.outcome, each.state) for each in _sync()]
    assert outcomes == [("delivered", "killed")]
    points = registry.run.points()
    steps = [step for step, _ in points.get("loss", [])]
    assert steps == list(range(len(steps)))  # every one once, in order
    assert len(steps) > last  # whatever log() had returned True for
    assert points.get("accuracy", []) == [(step, float(step)) for step in steps]
    assert registry.run.ended()["state"] == "killed"
    registry.run.check_chains()
    assert _sync() == []


def test_a_sync_that_is_interrupted_goes_on_where_it_was(registry: WireRegistry) -> None:
    _killed_after(0.2, TRACKRECORD_MODE="offline")
    answers: list[Any] = ["keep and drop", None, "drop", "keep and drop", None, (503, b"")]
    count = 0

    def fault(_method: str, _path: str) -> Any:
        nonlocal count
        count += 1
        return answers[count % len(answers)]

    registry.fault = fault
    for _ in range(60):
        if [each.outcome for each in _sync()] in (["delivered"], []):
            break
    steps = [step for step, _ in registry.run.points()["loss"]]
    assert steps == list(range(len(steps)))
    registry.run.check_chains()


def test_a_living_run_is_left_alone(registry: WireRegistry) -> None:
    run = trackrecord.run("milestone-1")
    run.log({"loss": 1.0})
    assert [each.outcome for each in _sync()] == ["running"]
    run.finish()
    assert registry.run.ended()["state"] == "finished"


def test_a_run_of_another_machine_is_not_closed_unless_told(registry: WireRegistry) -> None:
    _killed_after(0.1, TRACKRECORD_MODE="offline")
    [left] = folder.all_in(config.home())
    process = left.process()
    left.keep("process.json", json.dumps({**process, "host": "another"}).encode())
    assert [each.outcome for each in _sync()] == ["elsewhere"]
    assert registry.runs == {}
    assert [(each.outcome, each.state) for each in _sync(gone=left.run_id)] == [("delivered", "killed")]


def test_a_reused_process_number_is_not_the_run(registry: WireRegistry) -> None:
    _killed_after(0.1, TRACKRECORD_MODE="offline")
    [left] = folder.all_in(config.home())
    mine = folder.identity(os.getpid())
    assert folder.standing(mine) == "alive"
    left.keep("process.json", json.dumps({**mine, "start": int(mine["start"]) - 1}).encode())
    assert folder.standing(left.process()) == "gone"
    assert folder.standing({**mine, "boot": "another"}) == "gone"
    assert [each.outcome for each in _sync()] == ["delivered"]


def test_what_the_registry_refuses_stays_and_says_why(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKRECORD_MODE", "offline")
    with trackrecord.run("nowhere"):
        pass
    [refused] = _sync()
    assert (refused.outcome, refused.trouble) == ("refused", "There is no project nowhere. Did you mean milestone-1?")
    assert len(folder.all_in(config.home())) == 1


def test_the_end_of_a_killed_run_is_its_last_entry(registry: WireRegistry) -> None:
    _killed_after(0.2, TRACKRECORD_MODE="offline")
    _sync()
    last = max(
        time
        for batch in registry.run.batches.values()
        for each in json.loads(batch)["points"]
        for time in each["times"]
    )
    assert registry.run.ended()["finished_ms"] == last


def test_status_lists_what_only_this_machine_has(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_bytes(bytes(70_000))
    with monkeypatch.context() as offline:
        offline.setenv("TRACKRECORD_MODE", "offline")
        with trackrecord.run("milestone-1") as ended:
            ended.log({"loss": 0.5})
            ended.artifact(tmp_path / "model.pt")
        _killed_after(0.1, TRACKRECORD_MODE="offline")
        running = trackrecord.run("milestone-2")
        done = _program("status")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[2].split() == ["Run", "Project", "State", "Began", "Only", "here"]
        assert [line.split("  ")[0] for line in lines[3:6]] == [ended.name, lines[4].split()[0], running.name]
        assert "ended, waits for sync" in lines[3]
        assert re.search(r"just now +70\.\d kB$", lines[3].rstrip())
        assert "killed, waits for sync" in lines[4]
        assert "milestone-2  running" in lines[5]
        running.finish()
    assert _program("sync").returncode == 0
    assert "every run is delivered" in _program("status").stdout


def test_watching_delivers_what_ends_meanwhile(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [Path(sys.executable).with_name("trackrecord"), "sync", "--watch"], stdout=subprocess.PIPE, text=True
    ) as watching:
        monkeypatch.setenv("TRACKRECORD_MODE", "offline")
        with trackrecord.run("milestone-1") as run:
            run.log({"loss": 0.5})
        assert watching.stdout is not None
        assert watching.stdout.readline() == f"{run.name} of milestone-1: delivered, finished\n"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) in (0, 1)
    assert registry.run.ended()["state"] == "finished"


def test_a_start_reminds_of_runs_that_were_never_delivered(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as offline:
        offline.setenv("TRACKRECORD_MODE", "offline")
        trackrecord.run("milestone-1").finish()
    with trackrecord.run("milestone-1"):
        assert "1 earlier run is still on this machine: `trackrecord status` lists" in capsys.readouterr().err
    _sync()
    with trackrecord.run("milestone-1"):
        assert "still on this machine" not in capsys.readouterr().err


@pytest.mark.parametrize("harm", ["flip", "zeros"])
def test_a_damaged_journal_makes_the_run_incomplete_and_is_said(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    with monkeypatch.context() as offline:
        offline.setenv("TRACKRECORD_MODE", "offline")
        _killed_after(0.1, TRACKRECORD_MODE="offline")
    path = folder.all_in(config.load().home)[0].journals()["main"]
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half:] = bytes(len(content) - half) if harm == "zeros" else bytes([content[half] ^ 1]) + content[half + 1 :]
    path.write_bytes(content)
    assert [each.outcome for each in _sync()] == ["delivered"]
    run = registry.run
    assert run.ended()["dropped"] >= 1
    assert any("the journal main is damaged at byte" in note for note in run.listed("notes"))
    run.check_chains()


def _program(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("trackrecord"), *words], capture_output=True, text=True, timeout=60, check=False
    )

"""The client is a guest: it may warn, never break, never slow, never change the experiment."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy
import pytest

import trackrecord
from tests.client.wire import WireRegistry, wait_until
from trackrecord import upload


def test_nothing_that_a_script_hands_over_raises(
    registry: WireRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Hostile:
        def __float__(self) -> float:
            raise RuntimeError("no")

        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    bad: Any
    with trackrecord.run("milestone-1", params={"a": Hostile(), "b": open, 3: {4, 5}}) as run:
        for bad in (
            None,
            3,
            "text",
            [1],
            {"x": "text"},
            {"x": None},
            {"x": [1, 2]},
            {"x": Hostile()},
            {"x": 1 + 2j},
            {Hostile: 1},
        ):
            run.log(bad)
        for bad in (-1, 1.5, "3", 2**70, float("nan"), Hostile(), None, numpy.int64(40), 7.0):
            assert run.log({"steps": 1}, step=bad)
        run.dataset("nothing", path=tmp_path / "nothing")
        run.dataset("object", data=Hostile())
        run.dataset("x\n\0\x1b" + "y" * 1000, data=b"bytes", split="s\n" * 100)
        run.artifact(tmp_path / "nothing")
        run.artifact(None)  # type: ignore[arg-type]
        (tmp_path / "file").write_bytes(b"1")
        run.artifact(tmp_path / "file", name="../../etc/passwd\n")
        run.artifact(tmp_path / "file", name="C:\\windows", step=-5)
        run.finish("strange", Hostile())  # type: ignore[arg-type]
        run.log({"late": 1})
        run.finish()
    assert [step for step, _ in registry.run.points()["steps"]] == [6, 7, 8, 9, 10, 11, 12, 40, 7]
    assert [each["name"] for each in registry.run.listed("artifacts")] == ["etc/passwd?", "_/windows"]
    assert len(registry.run.listed("datasets")) == 1
    assert registry.run.ended()["dropped"] == 0
    registry.run.check_chains()


def test_disabled_and_other_ranks_record_nothing(
    registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("TRACKRECORD_DISABLED", "1"), ("RANK", "1"), ("SLURM_PROCID", "2")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with trackrecord.run("milestone-1", params={"lr": 1}) as run:
                assert not run.log({"loss": 1})
                run.dataset("x", data=b"x")
                run.artifact("nothing")
    assert capsys.readouterr().err == ""
    assert registry.requests == []
    assert not (home / ".local").exists()


def test_log_does_not_wait_for_a_server_that_hangs_or_is_gone(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackrecord.endings._FLUSH_S", 0.5)
    registry.stop()
    slowest = 0.0
    with trackrecord.run("milestone-1") as run:
        for step in range(300):
            start = time.perf_counter()
            assert run.log({"loss": 1.0, "accuracy": 0.5}, step=step)
            slowest = max(slowest, time.perf_counter() - start)
            time.sleep(0.001)
    assert slowest < 2  # it tries for longer than that; the machine of the tests is shared


def test_a_server_that_fails_now_and_then_gets_everything_once(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_EVERY_S", 0.05)
    monkeypatch.setattr(upload, "_pause", lambda failures: 0.01 if failures else 0.2)
    answers: list[Any] = ["drop", "keep and drop", (500, b"oops"), (429, b"{}"), None, (503, b""), "keep and drop"]
    count = 0

    def fault(_method: str, _path: str) -> Any:
        nonlocal count
        count += 1
        return answers[count % len(answers)]

    registry.fault = fault
    with trackrecord.run("milestone-1") as run:
        for step in range(400):
            run.log({"loss": step / 7}, step=step)
            time.sleep(0.002)
    wait_until(lambda: registry.run.finish is not None)
    assert registry.run.points()["loss"] == [(step, step / 7) for step in range(400)]
    assert len(registry.run.batches) > 3
    registry.run.check_chains()


def test_forked_children_write_their_own_journal(registry: WireRegistry) -> None:
    with trackrecord.run("milestone-1") as run:
        run.log({"parent": 1.0})
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                for step in range(50):
                    run.log({f"child-{number}": float(step)}, step=step)
                run.finish()  # not theirs to end
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        run.log({"parent": 2.0})
    points = registry.run.points()
    assert [value for _, value in points["parent"]] == [1.0, 2.0]
    for number in range(4):
        assert points[f"child-{number}"] == [(step, float(step)) for step in range(50)]
    assert len({writer for writer, _ in registry.run.batches}) == 5
    registry.run.check_chains()


def test_a_spawned_worker_gets_the_run_by_pickle(registry: WireRegistry) -> None:
    with trackrecord.run("milestone-1") as run:
        assert copy.deepcopy({"run": run})["run"] is run
        code = "import pickle, sys; run = pickle.load(sys.stdin.buffer); assert run.log({'spawned': 5.0}); run.finish()"
        subprocess.run([sys.executable, "-c", code], input=pickle.dumps(run), check=True, timeout=30)
    assert registry.run.points()["spawned"] == [(0, 5.0)]
    registry.run.check_chains()


def test_a_full_disk_is_counted_in_the_finish(registry: WireRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    kept = 0
    with trackrecord.run("milestone-1") as run:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
            for step in range(1_000):
                kept += run.log({"loss": 1.0, "accuracy": 0.5}, step=step)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, old)
    assert 0 < kept < 1_000
    assert len(registry.run.points()["loss"]) == kept
    assert registry.run.ended()["dropped"] == 2 * (1_000 - kept)
    assert "the disk takes no more" in capsys.readouterr().err
    registry.run.check_chains()


def test_a_home_that_takes_nothing_falls_back(
    registry: WireRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("TRACKRECORD_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with trackrecord.run("milestone-1") as run:
        assert run.log({"loss": 1.0})
    assert registry.run.points()["loss"] == [(0, 1.0)]
    monkeypatch.setattr("trackrecord.homes.spare", lambda *, make: None)
    with trackrecord.run("milestone-1") as run:
        assert not run.log({"loss": 1.0})
    assert "this run is not recorded" in capsys.readouterr().err


def test_without_git_the_run_is_recorded_and_says_why(registry: WireRegistry, script: Any, tmp_path: Path) -> None:
    done = script(
        "import trackrecord\nwith trackrecord.run('milestone-1') as run: run.log({'a': 1})\n", PATH=str(tmp_path)
    )
    assert done.returncode == 0
    assert json.loads(registry.run.report)["code"]["problem"] == "git is not installed on this machine"
    assert "git is not installed on this machine" in done.stderr.splitlines()[0]


def test_a_run_leaves_the_process_as_it_was(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """No generator moves, no variable, handler or hook changes: not when all goes well, not when nothing does."""
    random.seed(5)
    numpy.random.seed(6)

    def state() -> list[Any]:
        handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
        numbers = [random.getstate(), str(numpy.random.get_state())]
        return [
            *numbers,
            dict(os.environ),
            os.getcwd(),
            handlers,
            sys.excepthook,
            os.fork,
            threading.excepthook,
            os.umask(0o022),
        ]

    monkeypatch.setattr("trackrecord.endings._FLUSH_S", 0.5)
    monkeypatch.setattr(upload, "_EVERY_S", 0.02)
    before = state()
    with trackrecord.run("milestone-1", params={"lr": 0.1}) as run:
        run.log({"loss": 1.0})
        run.dataset("file", path=__file__)
        run.artifact(__file__)
        wait_until(lambda: bool(registry.runs))
    assert state() == before
    registry.stop()
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 1.0})
        wait_until(lambda: run._started.uploader is not None and run._started.uploader.tries > 0)
    assert state() == before


def test_a_damaged_journal_is_not_sent_as_if_it_were_whole(registry: WireRegistry, home: Path) -> None:
    registry.fault = lambda _method, path: (503, b"") if "batches" in path else None
    run = trackrecord.run("milestone-1")
    run.log({"loss": 1.0})
    folder = home / ".local/state/trackrecord/runs" / run.id
    wait_until(lambda: (folder / "main.cuts").exists() and (folder / "main.cuts").stat().st_size > 0)
    content = bytearray((folder / "main.journal").read_bytes())
    content[-3] ^= 1
    (folder / "main.journal").write_bytes(content)
    registry.fault = lambda _method, _path: None
    run.finish()
    assert run._started.uploader is not None
    assert "is damaged" in str(run._started.uploader.trouble)
    assert registry.run.batches == {}
    assert registry.run.finish is None


def test_a_token_that_cannot_be_one_is_said_at_once(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKRECORD_TOKEN", "trk_short\r\nX-Header: 1")
    start = time.monotonic()
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 1.0})
    assert time.monotonic() - start < 5
    assert "The token is not a trackrecord token." in capsys.readouterr().err
    assert registry.requests == []


def test_a_signal_handler_may_log_and_finish(registry: WireRegistry) -> None:
    run = trackrecord.run("milestone-1")

    def stop(*_: Any) -> None:
        run.log({"signalled": 1.0})
        run.finish("killed", "preempted")

    old = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        step = 0
        while run.log({"loss": float(step)}, step=step) or step == 0:
            step += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert registry.run.ended()["state"] == "killed"
    assert registry.run.points()["signalled"] != []
    assert len(registry.run.points()["loss"]) == step
    registry.run.check_chains()


def test_importing_is_quick_and_quiet() -> None:
    code = """
import sys
before = set(sys.modules)
import trackrecord
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not loaded & {"urllib3", "click", "numpy", "requests", "pynvml", "registry"}, loaded
assert "ssl" not in loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_log_takes_microseconds(registry: WireRegistry) -> None:
    times = []
    with trackrecord.run("milestone-1") as run:
        for step in range(3_000):
            start = time.perf_counter_ns()
            run.log({"train/loss": 0.5, "val/accuracy": 0.9}, step=step)
            times.append(time.perf_counter_ns() - start)
    # The median: the machine of the tests is shared.
    assert sorted(times)[1_500] < 100_000

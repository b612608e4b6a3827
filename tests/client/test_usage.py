"""System metrics: what this process, its descendants and its machine use is what real processes used."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.client.wire import wait_until
from trackrecord import config, journal, usage
from trackrecord.journal import Journal
from trackrecord.usage import Looking, Reading, Sampler, values

BURN = "import time\nwhile time.process_time() < 0.5: pass"
# A child whose own child burns: the sum goes through both, and stays when they have ended.
BURN_BELOW = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}], check=True)"
HOLD = "held = bytearray(b'x') * (200 << 20); print('held', flush=True); input()"


@contextmanager
def _child(source: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said its first line; it ends when its input does."""
    words = [sys.executable, "-c", source]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        made.stdout.readline()
        yield made


def _samples(path: Path) -> list[tuple[int, dict[str, float]]]:
    return [(entry[2], entry[3]) for _, entry in journal.frames(path)] if path.exists() else []


def test_time_and_memory_of_descendants_are_counted() -> None:
    looking = Looking()
    before = looking.look()
    subprocess.run([sys.executable, "-c", BURN_BELOW], check=True)
    burnt = looking.look()
    assert 0.45 < burnt.cpu_s - before.cpu_s < 5  # counted in ticks of 10 ms
    with _child(HOLD):
        held = looking.look()
        assert 200 << 20 <= held.memory - burnt.memory < 300 << 20  # type: ignore[operator]
    after = looking.look()
    assert abs(after.memory - burnt.memory) < 50 << 20  # type: ignore[operator]
    found = values(before, burnt)
    assert found["system/cpu_percent"] == pytest.approx(
        100 * (burnt.cpu_s - before.cpu_s) / (burnt.at - before.at), abs=0.01
    )
    assert 0 < found["system/machine_cpu_percent"] <= 100
    assert 0 < found["system/machine_memory_percent"] < 100
    assert set(found) == {
        "system/cpu_percent",
        "system/memory_bytes",
        "system/machine_cpu_percent",
        "system/machine_memory_percent",
    }


def test_a_process_that_is_no_descendant_does_not_count() -> None:
    """A daemon (its parent is gone) holds memory; nothing of it is this run's."""
    looking = Looking()
    before = looking.look()
    away = f"import os; os.setsid(); os.fork() and os._exit(0); {HOLD}"
    with _child(away) as made:
        assert made.wait(10) == 0
        for _ in range(2):  # what was found to be a stranger stays one
            assert looking.look().memory - before.memory < 50 << 20  # type: ignore[operator]


def test_a_sample_of_fifty_descendants_costs_little() -> None:
    """0.77 ms of processor time on a busy machine of two cores; twice that is too much anywhere."""
    looking, costs = Looking(), []
    with ExitStack() as open_:
        for _ in range(50):
            made = open_.enter_context(subprocess.Popen(["sleep", "60"]))
            open_.callback(made.kill)
        for _ in range(20):
            begun = time.thread_time()
            looking.look()
            costs.append(time.thread_time() - begun)
    assert min(costs) < 0.0015, [f"{cost * 1e3:.2f} ms" for cost in costs]


def test_samples_are_points_of_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_FIRST_S", 0.1)
    monkeypatch.setattr(usage, "_EVERY_S", 0.2)
    target = Journal(tmp_path / "main.journal")
    sampler = Sampler(target, time.monotonic() - 100)
    sampler.start()
    assert sampler.daemon
    wait_until(lambda: len(_samples(target.path)) >= 2)
    child = os.fork()
    if child == 0:  # no thread of ours in here, and nothing that hangs or writes
        alive = [each.name for each in threading.enumerate()]
        os._exit("trackrecord-usage" in alive)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sampler.stop()
    sampler.join(5)
    assert not sampler.is_alive()
    first, second = _samples(target.path)[:2]
    assert 100 <= first[0] <= second[0] < 160
    assert first[1]["system/memory_bytes"] > 5 << 20
    assert set(second[1]) >= {"system/cpu_percent", "system/machine_cpu_percent"}


def test_a_lost_sample_is_no_lost_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_FIRST_S", 0.01)
    monkeypatch.setattr(journal, "CAP", 10)
    target = Journal(tmp_path / "main.journal")
    sampler = Sampler(target, time.monotonic())
    sampler.start()
    time.sleep(0.2)
    sampler.stop()
    sampler.join(5)
    assert (target.dropped, target.path.stat().st_size) == (0, 0)


def test_without_proc_only_processor_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr(usage.os, "listdir", refuse)
    looking = Looking()
    before = looking.look()
    assert before == Reading(before.at, before.cpu_s)
    subprocess.run([sys.executable, "-c", BURN], check=True)
    after = looking.look()
    assert after.cpu_s - before.cpu_s > 0.45  # counted in ticks of 10 ms
    assert set(values(before, after)) == {"system/cpu_percent"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Reading(0, 1.0), Reading(2, 4.0), {"system/cpu_percent": 150.0}),
        (Reading(0, 5.0), Reading(2, 4.0), {"system/cpu_percent": 0.0}),  # a descendant whose time nobody took over
        (Reading(1, 5.0), Reading(1, 5.0), {}),
        (
            Reading(0, 0.0, 7, (1000, 500), (100, 10)),
            Reading(1, 0.0, 9, (2000, 750), (100, 25)),
            {
                "system/cpu_percent": 0.0,
                "system/memory_bytes": 9.0,
                "system/machine_cpu_percent": 75.0,
                "system/machine_memory_percent": 75.0,
            },
        ),
        # idle time may run backwards where a processor was taken away
        (
            Reading(0, 0.0, machine_cpu=(1000, 500)),
            Reading(1, 0.0, machine_cpu=(1100, 400)),
            {"system/cpu_percent": 0.0, "system/machine_cpu_percent": 100.0},
        ),
        (
            Reading(0, 0.0),
            Reading(1, 0.0, gpus=((97.0, 5 << 30), (0.0, 1))),
            {
                "system/cpu_percent": 0.0,
                "system/gpu0_percent": 97.0,
                "system/gpu0_memory_bytes": float(5 << 30),
                "system/gpu1_percent": 0.0,
                "system/gpu1_memory_bytes": 1.0,
            },
        ),
    ],
)
def test_two_readings_make_the_values(before: Reading, after: Reading, said: dict[str, float]) -> None:
    assert values(before, after) == said


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2,0", [2, 0]),
        ("GPU-b", [1]),
        ("1,9,0", [1]),  # CUDA stops at the first name that is none
        ("NoDevFiles", []),
    ],
)
def test_a_gpu_has_the_number_that_the_process_knows_it_by(told: str | None, left: list[int]) -> None:
    env = {} if told is None else {"CUDA_VISIBLE_DEVICES": told}
    assert usage.visible(["GPU-a1", "GPU-b2", "GPU-c3"], env) == left


def test_gpus_are_read_by_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the driver's library: neither this machine nor CI has a GPU."""
    ended = []
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: ended.append(True),
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}".encode(),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=40 + handle),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=1000 + handle),
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    gpus = usage._Gpus()
    assert gpus.read() == ((41.0, 1001), (40.0, 1000))
    del nvml.nvmlDeviceGetMemoryInfo  # a driver that stops answering: the rest goes on
    assert gpus.read() == ()
    gpus.close()
    assert ended == [True]


@pytest.mark.parametrize(("told", "on"), [("0", False), ("off", False), ("False ", False), ("1", True), ("", True)])
def test_it_can_be_switched_off(told: str, on: bool) -> None:
    assert config.load({"TRACKRECORD_SYSTEM_METRICS": told}).system_metrics is on

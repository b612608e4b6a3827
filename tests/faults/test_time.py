"""Long outages, stopped processes, clocks that jump, jobs that are started again: one run, with true words for it."""

from __future__ import annotations

import os
import random
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.place import Place, seed
from tests.faults.proxy import Proxy
from tests.soak import count

_WEEK = 7 * 86_400


def test_a_week_without_a_registry_arrives_late_and_in_order(place: Place) -> None:
    steps, minutes = 1_008, 10
    with Proxy(place.registry.url, random.Random(0)) as proxy:
        proxy.refuse()
        seen, said = place.train("week.py", steps, minutes, TRACKRECORD_URL=proxy.url)
        assert (seen["kept"], "`trackrecord sync` sends it" in said) == (steps, True), said
        assert place.arrived(seen["run"]) is None
        proxy.listen()
        done = place.sync(TRACKRECORD_URL=proxy.url)
    assert (done.returncode, place.pending()) == (0, []), done
    found = place.arrived(seen["run"])
    assert found is not None
    logged, times, values = found.points["loss"]
    assert (logged, values) == (list(range(steps)), [step / 7 for step in range(steps)])
    between = [after - before for before, after in pairwise(times)]
    assert all(abs(each - minutes * 60_000) < 2_000 for each in between)
    assert abs(times[-1] / 1000 - time.time()) < 1_200
    assert abs((found.run.finished_at - found.run.started_at).total_seconds() - _WEEK) < 60  # type: ignore[operator]
    assert found.whole
    assert place.reason(seen["run"])[0] == "verified"
    arrived = place.arrived(seen["run"])
    assert arrived is not None
    assert (arrived.run.late, arrived.run.live) == (True, False)  # honest: nobody watched it
    # And one that the registry did hear all the time is called live: the badge can be had.
    heard, _ = place.train("steady.py", 20, 0.001)
    assert place.reason(heard["run"])[0] == "verified"
    watched = place.arrived(heard["run"])
    assert watched is not None
    assert (watched.run.late, watched.run.live) == (False, True)


def test_a_clock_that_is_set_back_a_day_changes_nothing_else(place: Place) -> None:
    seen, _ = place.train("backwards.py")
    place.sync()
    found = place.arrived(seen["run"])
    assert found is not None
    logged, times, _ = found.points["loss"]
    assert (logged, seen["kept"], found.whole) == (list(range(100)), 100, True)
    assert -86_401_000 < times[51] - times[50] < -86_390_000
    assert place.reason(seen["run"])[0] == "verified"


def _state(place: Place, run_id: str, wanted: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    seen: Any = None
    while seen != wanted:
        assert time.monotonic() < until, f"{seen} and not {wanted}"
        _, answer = place.registry.send("GET", f"/api/v1/runs/{run_id}", place.registry.admin_token)
        seen = answer.get("state")
        time.sleep(0.05)


def test_a_stopped_process_is_silent_and_never_dead(place: Place) -> None:
    stop = place.folder / "stop"
    with place.start("lasting.py", stop) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        _state(place, run_id, "running", 10)
        os.killpg(process.pid, signal.SIGSTOP)
        _state(place, run_id, "silent", 20)
        done = place.sync()  # its process is there: nobody else closes it
        assert "still running, or being delivered by its own process" in done.stdout
        os.killpg(process.pid, signal.SIGCONT)
        _state(place, run_id, "running", 20)
        stop.touch()
        process.communicate(timeout=60)
    assert place.sync().returncode == 0
    found = place.arrived(run_id)
    assert found is not None
    assert (found.run.state, found.whole) == ("finished", True)
    assert found.steps() == list(range(len(found.steps())))
    assert place.reason(run_id)[0] == "verified"


def _preempted(place: Place, words: list[str], number: int, lots: random.Random) -> None:
    again = {"SLURM_RESTART_COUNT": str(number)} if number else {}
    accepted = Path(words[1])
    before = accepted.stat().st_size
    with place.start("preempted.py", *words, SLURM_JOB_ID="815", **again) as process:
        until = time.monotonic() + 60
        while accepted.stat().st_size < before + 200 and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(lots.uniform(0.0, 0.2))
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(lots.uniform(0.02, 0.2))  # the grace, which is 30 s with Slurm
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -9


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_job_that_is_requeued_is_one_run_of_many_attempts(place: Place) -> None:
    lots, requeued = seed("requeues"), count(3, 20)
    accepted = place.folder / "accepted"
    accepted.touch()
    checkpoint, steps_in_all = place.folder / "checkpoint", place.folder / "steps"
    steps_in_all.write_text("1000000")
    words = [str(checkpoint), str(accepted), str(steps_in_all), str(requeued)]
    for number in range(requeued):
        _preempted(place, words, number, lots)
        if number == 1:  # between two attempts what is there is sent, and the run stays open
            done = place.sync()
            assert "killed, and its job may be started again: it stays open for a day" in done.stdout, done
    steps_in_all.write_text(str(int(checkpoint.read_text()) + 50))
    slurm = {"SLURM_JOB_ID": "815", "SLURM_RESTART_COUNT": str(requeued)}
    with place.start("preempted.py", *words, **slurm) as process:
        _, said = process.communicate(timeout=90)
        assert process.returncode == 0, said
    assert place.sync().returncode == 0
    lines = [line.split(" ") for line in accepted.read_text().splitlines()]
    [run_id] = {words[1] for words in lines if words[0] == "run"}  # one run
    logged = sorted((int(step), float(value)) for step, value in lines if step != "run")
    found = place.arrived(run_id)
    assert found is not None
    steps, _, values = found.points["loss"]
    there = sorted(zip(steps, values, strict=True))
    assert len(set(there)) == len(there)
    assert set(logged) <= set(there)
    assert len(there) - len(logged) <= requeued  # killed between the write and the note of it
    assert (found.run.state, found.finish["dropped"], found.whole) == ("finished", 0, True)
    attempts = {1} | {int(writer[1:]) for writer in found.finish["writers"] if writer.startswith("a")}
    assert attempts == set(range(1, requeued + 2))
    assert place.reason(run_id)[1].startswith("pass: "), place.reason(run_id)
    print(f"requeued {requeued} times: 1 run, {len(attempts)} attempts, {len(logged):,} records accepted, none lost")

"""A job that was killed and started again goes on with its run; other processes of it join."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import trackrecord
from tests.client.wire import WireRegistry
from trackrecord import attempts, config, folder, homes, status, sync
from trackrecord.attempts import Job
from trackrecord.client import Client

TRAIN = """
import os, time, trackrecord
run = trackrecord.run("milestone-1", params={"lr": 0.1})
for _ in range(5):
    run.log({"loss": 0.5})
print("logged", run.id, run._step - 4, flush=True)
if not os.environ.get("ENDS"):
    time.sleep(60)
"""


def _start(source: str, *words: str, **variables: str) -> subprocess.Popen[str]:
    env = {**os.environ, **variables}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


def _killed(*words: str, **variables: str) -> list[str]:
    """Start the training, kill it where it waits; what it printed."""
    with _start(TRAIN, "--for-ever", *words, **variables) as script:
        assert script.stdout is not None
        line = script.stdout.readline()
        script.send_signal(signal.SIGKILL)
    return line.split()


def test_a_requeued_job_is_one_run_with_attempts(registry: WireRegistry) -> None:
    first = _killed(SLURM_JOB_ID="77")
    second = _killed(SLURM_JOB_ID="77", SLURM_RESTART_COUNT="1")
    assert [first[2], second[2]] == ["0", "5"], "steps go on where the last attempt stopped"
    with _start(TRAIN, "--for-ever", SLURM_JOB_ID="77", SLURM_RESTART_COUNT="2", ENDS="1") as last:
        out, said = last.communicate(timeout=30)
    assert first[1] == second[1] == out.split()[1]
    assert ", attempt 3 http" in said
    run = registry.run
    assert [step for step, _ in run.points()["loss"]] == [*range(5, 10), *range(10, 15), *range(5)]
    later = run.listed("attempts")
    assert [each["number"] for each in later] == [2, 3]
    assert [each["report"]["command"]["launcher"]["SLURM_RESTART_COUNT"] for each in later] == ["1", "2"]
    assert all(each["report"]["params"] == {"lr": 0.1} for each in later)
    assert run.ended()["state"] == "finished"
    assert set(run.ended()["writers"]) == {"main", "a2", "a3"}
    run.check_chains()
    assert homes.pending(config.load().home) == []


def test_another_job_another_command_and_an_ended_run_are_not_gone_on_with(registry: WireRegistry) -> None:
    begun = [_killed(SLURM_JOB_ID="77")[1]]
    begun.append(_killed(SLURM_JOB_ID="78", SLURM_RESTART_COUNT="1")[1])
    begun.append(_killed("other", SLURM_JOB_ID="77", SLURM_RESTART_COUNT="1")[1])
    begun.append(_killed(SLURM_JOB_ID="77")[1])  # Slurm says that it is the first start
    assert len(set(begun)) == 4


def test_any_scheduler_by_a_text_that_stays_the_same(registry: WireRegistry) -> None:
    first = _killed(TRACKRECORD_JOB="pod-1", TRACKRECORD_MODE="offline")
    with _start(TRAIN, "--for-ever", TRACKRECORD_JOB="pod-1", TRACKRECORD_MODE="offline") as living:
        assert living.stdout is not None
        assert living.stdout.readline().split()[1] == first[1]
        with _start(TRAIN, "--for-ever", TRACKRECORD_JOB="pod-1", TRACKRECORD_MODE="offline") as beside:
            assert beside.stdout is not None
            assert beside.stderr is not None
            assert beside.stdout.readline().split()[1] != first[1]
            assert "of the same job is still being recorded: this is a run of its own" in beside.stderr.readline()
            beside.kill()
        living.kill()


def test_a_killed_run_of_a_job_stays_open_for_the_next_attempt(
    registry: WireRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = _killed(SLURM_JOB_ID="77", TRACKRECORD_MODE="offline")[1]
    told = config.load()
    assert [each.outcome for each in sync.sync(told, Client(told))] == ["preempted"]
    assert len(registry.run.points()["loss"]) == 5, "what is there is delivered meanwhile"
    assert registry.run.finish is None
    shown = status.look(told)
    assert "killed; its job may be started again" in str(shown.parts[0])
    assert "sync --gone RUN" in str(shown.parts[1])
    place = homes.pending(told.home)[0]
    for each in place.path.iterdir():
        os.utime(each, (time.time() - 90_000,) * 2)
    assert [each.outcome for each in sync.sync(told, Client(told))] == ["delivered"]
    assert registry.runs[run_id].ended()["state"] == "killed"


def test_what_the_launchers_say() -> None:
    words = ["python", "train.py"]
    assert attempts.job({}, "p", words) == Job()
    first = attempts.job({"SLURM_JOB_ID": "1"}, "p", words)
    assert (first.again, first.patience_s) == (False, 86_400)
    again = attempts.job({"SLURM_JOB_ID": "1", "SLURM_RESTART_COUNT": "3"}, "p", words)
    assert (again.key, again.again) == (first.key, True)
    others = [
        attempts.job({"SLURM_JOB_ID": "2"}, "p", words),
        attempts.job({"SLURM_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "4"}, "p", words),
        attempts.job({"SLURM_JOB_ID": "1"}, "q", words),
        attempts.job({"SLURM_JOB_ID": "1"}, "p", [*words, "--lr=1"]),
        attempts.job({"TRACKRECORD_JOB": "1"}, "p", words),
        attempts.job({"TORCHELASTIC_RUN_ID": "1"}, "p", words),
    ]
    assert len({first.key, *(each.key for each in others)}) == 7
    elastic = attempts.job({"TORCHELASTIC_RUN_ID": "1", "TORCHELASTIC_RESTART_COUNT": "1"}, "p", words)
    assert (elastic.again, elastic.key) == (True, others[-1].key)
    assert not attempts.job({"SLURM_JOB_ID": "1", "SLURM_RESTART_COUNT": "nonsense"}, "p", words).again


JOIN = """
import sys, trackrecord
run = trackrecord.join(sys.argv[1])
print(run.log({"rank1/loss": 0.25}, step=3), run.name)
run.finish()
"""


def test_another_process_joins_by_the_run_id(registry: WireRegistry) -> None:
    run = trackrecord.run("milestone-1")
    with _start(JOIN, run.id, RANK="1") as other:
        out, said = other.communicate(timeout=30)
    assert out.split() == ["True", run.name], said
    assert run.is_open
    run.finish()
    assert registry.run.points() == {"rank1/loss": [(3, 0.25)]}
    registry.run.check_chains()


def test_joining_what_is_not_there_is_said_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trackrecord.opening._SEEN_WITHIN_S", 0.2)
        run = trackrecord.join("01J00000000000000000000000")
    assert not run.log({"loss": 1.0})
    assert "no run 01J00000000000000000000000 is open in" in capsys.readouterr().err


def test_only_rank_zero_records(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"):
        with monkeypatch.context() as ranked:
            ranked.setenv(name, "1")
            assert not trackrecord.run("milestone-1").is_open, name
    assert registry.runs == {}


def test_an_attempt_that_died_at_once_keeps_its_number(tmp_path: Path) -> None:
    process = folder.identity(os.getpid())
    place = folder.make(tmp_path, "01J00000000000000000000000", json.dumps({"started_ms": 1}).encode(), process)
    assert attempts.next_number(place) == 2
    place.journal("a2").close()
    place.journal("p7-abc").close()
    assert attempts.next_number(place) == 3


def test_an_attempt_that_died_before_its_first_word_is_named_in_the_end(registry: WireRegistry) -> None:
    _killed(SLURM_JOB_ID="77", TRACKRECORD_MODE="offline")
    homes.pending(config.load().home)[0].journal("a2").close()
    with _start(TRAIN, "--for-ever", SLURM_JOB_ID="77", SLURM_RESTART_COUNT="2", ENDS="1") as last:
        assert ", attempt 3 http" in last.communicate(timeout=30)[1]
    writers = registry.run.ended()["writers"]
    assert {name: end["batches"] > 0 for name, end in writers.items()} == {"main": True, "a2": False, "a3": True}
    assert [note for note in registry.run.listed("notes") if "another machine" in note] == []
    assert [each["number"] for each in registry.run.listed("attempts")] == [3]


def test_after_another_start_of_the_machine_the_run_says_that_seconds_may_be_missing(registry: WireRegistry) -> None:
    _killed(SLURM_JOB_ID="77", TRACKRECORD_MODE="offline")
    place = homes.pending(config.load().home)[0]
    place.keep("process.json", json.dumps({**place.process(), "boot": "an earlier one"}).encode())
    with _start(TRAIN, "--for-ever", SLURM_JOB_ID="77", SLURM_RESTART_COUNT="1", ENDS="1") as last:
        assert last.wait(30) == 0
    [note] = [each for each in registry.run.listed("notes") if each.startswith("attempt 2 began")]
    assert note.endswith("what was recorded in the last seconds before may be missing")

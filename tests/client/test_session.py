"""Runs without a `with`: start and finish for notebooks, and a decorator for functions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import trackrecord
from tests.client.wire import WireRegistry


def test_start_and_finish(registry: WireRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    first = trackrecord.start("milestone-1", params={"lr": 0.1})
    first.log({"loss": 0.5})
    again = trackrecord.start("milestone-1", params={"lr": 0.2})  # the cell is run again
    assert not first.is_open
    assert f"{first.name} was still open: it is finished now" in capsys.readouterr().err
    again.log({"loss": 0.25})
    trackrecord.finish("failed", "it diverged")
    trackrecord.finish()  # nothing is open: nothing happens
    ends = [json.loads(run.finish or b"") for run in registry.runs.values()]
    assert [(end["state"], end["error"]) for end in ends] == [("finished", None), ("failed", "it diverged")]
    assert [json.loads(run.report)["params"] for run in registry.runs.values()] == [{"lr": 0.1}, {"lr": 0.2}]


def test_a_function_is_recorded_call_by_call(registry: WireRegistry) -> None:
    @trackrecord.recorded("milestone-1")
    def train(lr: float, epochs: int = 2, *, run: trackrecord.Run | None = None) -> Mapping[str, float]:
        """Train."""
        assert run is not None
        for epoch in range(epochs):
            run.log({"loss": lr * epoch}, step=epoch)
        return {"test/accuracy": 0.75}

    assert train.__doc__ == "Train."
    assert train(0.5) == {"test/accuracy": 0.75}
    run = registry.run
    assert json.loads(run.report)["params"] == {"lr": 0.5, "epochs": 2}
    assert run.points() == {"loss": [(0, 0.0), (1, 0.5)], "test/accuracy": [(2, 0.75)]}
    assert run.ended()["state"] == "finished"


def test_a_function_that_raises_is_a_failed_run_and_still_raises(registry: WireRegistry) -> None:
    @trackrecord.recorded("milestone-1")
    def train(lr: float = 0.1) -> None:
        raise ValueError("shapes do not match")

    with pytest.raises(ValueError, match="shapes do not match"):
        train()
    ended = registry.run.ended()
    assert ended["state"] == "failed"
    assert ended["error"].startswith("ValueError: shapes do not match (")
    with pytest.raises(TypeError, match="nonsense"):
        train(nonsense=1)  # type: ignore[call-arg]
    assert len(registry.runs) == 1, "a call that Python refuses is no run"


PROMPT = """
import trackrecord
run = trackrecord.start("milestone-1")
run.log({"loss": 0.5})
1 / 0
run.log({"loss": 0.25})
"""


def test_a_session_that_is_closed_without_an_end_was_killed(registry: WireRegistry) -> None:
    """As a notebook whose kernel is shut down: an error at a prompt ends nothing, and nobody said that it is done."""
    done = subprocess.run([sys.executable, "-i"], input=PROMPT, capture_output=True, text=True, timeout=60, check=False)
    assert "ZeroDivisionError" in done.stderr
    assert registry.run.points() == {"loss": [(0, 0.5), (1, 0.25)]}
    assert registry.run.ended()["state"] == "killed"
    assert registry.run.ended()["error"] == "the session was closed without finish()"


CHILDREN = """
import multiprocessing, sys, trackrecord

def train(lr):
    run = trackrecord.run("milestone-1", params={"lr": lr})
    run.log({"loss": lr})
    if lr == 0.2:
        raise ValueError("diverged")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for lr in (0.1, 0.2):
        child = context.Process(target=train, args=(lr,))
        child.start()
        child.join()
"""


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_a_run_in_a_process_of_multiprocessing_ends_with_it(registry: WireRegistry, home: Path, way: str) -> None:
    (home / "sweep.py").write_text(CHILDREN)
    subprocess.run([sys.executable, "sweep.py", way], capture_output=True, timeout=60, check=True)
    ends = {json.loads(run.report)["params"]["lr"]: run.ended() for run in registry.runs.values()}
    assert {lr: end["state"] for lr, end in ends.items()} == {0.1: "finished", 0.2: "failed"}
    assert ends[0.2]["error"] == "ValueError: diverged (sweep.py:8)"

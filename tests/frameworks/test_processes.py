"""Many processes of one run: the counts at the registry are exactly right, nothing hangs, nothing is left behind."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import Bench
from tests.soak import count

pytestmark = pytest.mark.soak


def test_forks_in_forks_and_while_a_thread_logs(bench: Bench) -> None:
    forks = count(200, 900)  # the registry takes 1,000 writers of a run
    [said] = bench.run("with_forks.py", str(forks))
    bench.sync()
    assert said["left"] is None
    assert bench.seen(said["run"])["state"] == "finished"
    for depth, processes in ((1, 1), (2, 2), (3, 4)):
        history = bench.points(said["run"], f"depth{depth}")
        assert sorted(history["steps"]) == sorted(list(range(50)) * processes)
    assert sorted(bench.points(said["run"], "forked")["steps"]) == list(range(forks))
    assert bench.points(said["run"], "thread")["count"] == said["logged"] > 0


@pytest.mark.usefixtures("torch")
def test_workers_of_data_loaders(bench: Bench) -> None:
    rows, spawned = 400, count(2, 8)
    said, after = bench.run("with_loaders.py", str(rows), "8", str(spawned), str(spawned))
    bench.sync()
    assert after["left"] == []
    assert after["zombie"] in (None, [0, 0])
    assert bench.seen(said["run"])["state"] == "finished"
    for way in ("fork", "spawn", "forkserver"):
        assert said["sums"][way] == sum(range(rows))
        assert sorted(bench.points(said["run"], f"{way}/row")["steps"]) == list(range(rows))
        assert bench.points(said["run"], f"{way}/total")["values"][-1] == sum(range(rows))


@pytest.mark.usefixtures("torch")
def test_four_ranks(bench: Bench) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4")
    [said] = bench.run(*torchrun, "with_ranks.py")
    bench.sync()
    seen = bench.seen(said["run"])
    assert (seen["state"], seen["report"]["params"]) == ("finished", {"ranks": 4})
    assert set(bench.names()) == {said["run"]}
    assert bench.points(said["run"], "loss")["steps"] == list(range(40))
    for rank in range(4):
        assert bench.points(said["run"], f"rank{rank}/loss")["steps"] == list(range(40))

"""kill -9 at any moment: what log() accepted is at the registry afterwards, once."""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.kills import Counts, Killed, kill
from tests.faults.place import Place, seed
from tests.soak import count

_AT_ONCE = 3  # scripts: most of a life is waiting for Python to start


@pytest.mark.soak
@pytest.mark.timeout(3_000)
def test_kill_9_loses_nothing_that_was_accepted_and_doubles_nothing(place: Place) -> None:
    """Also where the sync that delivers it is killed in its turn."""
    lots, counts = seed("kills"), Counts()
    most = count(12, 1_000)
    for first in range(0, most, 20):
        numbers = range(first, min(first + 20, most))
        own = [random.Random(lots.random()) for _ in numbers]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            killed = list(pool.map(lambda n, each: kill(place, n, each), numbers, own))
        for path in place.pending():
            counts.look_here(path)
        _sync_killed_first(place, killed, lots)
        for each in killed:
            counts.add(each, place.arrived(each.run_id) if each.run_id else None)
    print(counts)
    assert (counts.kills, counts.lost, counts.doubled) == (most, 0, 0)
    assert counts.records >= counts.accepted > 0


def _sync_killed_first(place: Place, killed: list[Killed], lots: random.Random) -> None:
    for _ in range(lots.randrange(1, 3)):
        with place.syncing() as process:
            time.sleep(lots.uniform(0.2, 0.8))
            process.send_signal(signal.SIGKILL)
            process.communicate()
    done = place.sync()
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.endswith("Nothing is left on this machine.\n")
    assert len(place.pending()) == sum(1 for path in place.pending() if not (path / "report.json").exists())
    assert all("refused" not in line for line in done.stdout.splitlines()), (done.stdout, killed)

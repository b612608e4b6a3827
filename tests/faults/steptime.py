"""`python -m tests.faults.steptime`: does a training step take longer while the network is ill? Interleaved blocks with
and without the fault in one process; medians of the blocks' medians.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.db import connect
from tests.api.scene import body
from tests.bench.clock import table
from tests.faults.conftest import RULES
from tests.faults.place import PROJECT, Place
from tests.faults.proxy import Proxy
from tests.faults.test_network import certified
from tests.flows.process import Registry

FAULTS = ("refused", "black hole", "drip", "unanswered", "sick", "busy", "torn", "unauthorised")
_BLOCKS, _STEPS = 30, 60


@contextmanager
def _served(folder: Path) -> Iterator[Place]:
    engine = connect(f"sqlite:///{folder / 'registry.sqlite'}")
    with Registry(engine, folder) as registry:
        registry.send("PUT", f"/api/v1/projects/{PROJECT}", registry.admin_token, body(RULES))
        yield Place(registry, engine, folder)
    engine.dispose()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _asked(process: subprocess.Popen[str], line: str) -> str:
    _tell(process, line)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _row(place: Place, fault: str, proxy: Proxy, elsewhere: str | None) -> list[str]:
    """One process, with the fault in every second block. `elsewhere`: the address that has the fault."""
    with place.start("stepping.py", TRACKRECORD_URL=proxy.url) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        found: tuple[list[float], list[float]] = ([], [])
        for number in range(2 * _BLOCKS):
            ill = (number + 1) // 2 % 2  # without, with, with, without: what drifts touches both alike
            proxy.always(fault if ill and elsewhere is None else "none")
            _tell(process, f"url {elsewhere if ill and elsewhere is not None else proxy.url}")
            _asked(process, "block 10")
            found[ill].append(float(_asked(process, f"block {_STEPS}")))
        proxy.always("none")
        _tell(process, f"url {proxy.url}")
        steps = int(_asked(process, "end"))
        process.wait(60)
    place.sync()
    arrived = place.arrived(run_id)
    once = arrived is not None and arrived.steps() == list(range(steps)) and arrived.whole
    before, after = map(statistics.median, found)
    quarters = statistics.quantiles(found[0], n=4)
    return [
        fault,
        f"{before * 1e3:.3f}",
        f"{after * 1e3:.3f}",
        f"{(after / before - 1) * 100:+.2f} %",
        f"{(quarters[2] - quarters[0]) / before * 100:.1f} %",
        f"all {steps:,} steps, once" if once else "NOT ALL",
    ]


def main(faults: list[str]) -> None:
    """One row for each fault."""
    rows = []
    with tempfile.TemporaryDirectory() as name, _served(Path(name)) as place:
        own, lots = certified(Path(name)), random.Random(0)
        for fault in faults or [*FAULTS, "wrong TLS", "no such host"]:
            with Proxy(place.registry.url, lots) as proxy, Proxy(place.registry.url, lots, own) as tls:
                elsewhere = {"wrong TLS": tls.url, "no such host": "http://no-such-host.invalid:8321"}.get(fault)
                rows.append(_row(place, fault, proxy, elsewhere))
    columns = ["fault", "ms without", "ms with", "change", "quartiles without, apart by", "delivered"]
    table("A step of training while the network is ill", columns, rows)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a machine did while a run ran: the metrics named `system/…`, kept apart from those of the experiment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from sqlmodel import Session

from registry import history
from registry.numbers import size
from registry.tables import MetricDefinition, Series
from trackrecord.report import MACHINE_USE

_CPU, _MEMORY = f"{MACHINE_USE}cpu_percent", f"{MACHINE_USE}memory_bytes"
_GPU = re.compile(MACHINE_USE + r"gpu(\d{1,4})_percent")
_GPUS_SHOWN = 8


def of_the_run(series: Mapping[str, Series], definitions: Iterable[MetricDefinition | None] = ()) -> dict[str, Series]:
    """Without those of the machine, but for one that the project itself defines."""
    defined = {each.name for each in definitions if each is not None}
    return {name: row for name, row in series.items() if not name.startswith(MACHINE_USE) or name in defined}


def use(session: Session, run_id: str, series: Mapping[str, Series]) -> str:
    """ "CPU 183 % · memory up to 3.1 GB · GPU 0 94 %": what is usual of each, and the most memory. Empty: not known.

    100 % of CPU is one core.
    """
    cpu, memory = _usual(session, run_id, _CPU, series), series.get(_MEMORY)
    said = [f"CPU {cpu}"] if cpu else []
    if memory is not None and memory.best_high is not None and 0 <= memory.best_high < 1e18:
        said.append(f"memory up to {size(int(memory.best_high))}")
    gpus = sorted(int(found[1]) for name in series if (found := _GPU.fullmatch(name)))
    for gpu in gpus[:_GPUS_SHOWN]:
        busy = _usual(session, run_id, f"{MACHINE_USE}gpu{gpu}_percent", series)
        said += [f"GPU {gpu} {busy}"] if busy else []
    if len(gpus) > _GPUS_SHOWN:
        said.append(f"{len(gpus) - _GPUS_SHOWN} more GPUs")
    return " · ".join(said)


def _usual(session: Session, run_id: str, metric: str, series: Mapping[str, Series]) -> str:
    """The median of its values in percent."""
    if metric not in series:
        return ""
    values = history.read(session, run_id, metric).values
    finite = values[np.isfinite(values)]
    return f"{float(np.median(finite)):,.0f} %" if len(finite) else ""

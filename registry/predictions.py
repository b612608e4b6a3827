"""LOOK at a run's predictions: what the metric comes to when the registry computes it itself.

Files of strangers are read by a child process with little memory and little time, `registry.measuring`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from registry.artifacts import Store
from registry.facts import MetricFacts, RecomputedFacts

SECONDS = 120
MOST_BYTES = 2_000_000_000
_CHILD = "import sys; sys.path[:] = sys.argv[5:]; from registry.measuring import main; main(*sys.argv[1:5])"


def recompute(store: Store, metric: MetricFacts, digest: str, format: str, step: int | None) -> RecomputedFacts:
    """The value of `metric` from the stored predictions and the project's labels, or why there is none.

    `step` is the one that the run names for these predictions. Never raises for what strangers wrote.
    """
    labels, said = store.path(metric.labels or ""), store.path(digest)
    if labels is None:
        trouble = "the labels are not in the store: a maintainer uploads them (`trackrecord upload FILE`)"
        return RecomputedFacts(None, step=step, trouble=trouble)
    if digest == metric.labels:
        return RecomputedFacts(None, step=step, trouble="what was handed in as predictions are the labels themselves")
    if said is None:
        return RecomputedFacts(None, step=step, trouble="the predictions are not in the store yet (`trackrecord sync`)")
    if max(labels.stat().st_size, said.stat().st_size) > MOST_BYTES:
        return RecomputedFacts(None, step=step, trouble=f"the file is larger than {MOST_BYTES // 1_000_000_000} GB")
    found = _measured(metric.measure or "", labels, said, format)
    return RecomputedFacts(found.get("value"), found.get("count", 0), step, found.get("trouble", ""))


def _measured(measure: str, labels: Path, said: Path, format: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILD, measure, str(labels), str(said), format, *sys.path]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env={"HOME": "/nonexistent", "OPENBLAS_NUM_THREADS": "1"},
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"trouble": f"reading the predictions took longer than {SECONDS} seconds"}
    except (subprocess.CalledProcessError, ValueError):
        return {"trouble": "the predictions cannot be read: too large, or not what their name says"}
    assert isinstance(answer, dict)
    return answer

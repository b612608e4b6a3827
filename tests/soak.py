"""How often a random fault is tried: a sample in `make test`, the full count in `make soak`."""

from __future__ import annotations

import os


def count(sample: int, full: int) -> int:
    """`full` under `make soak`, `sample` otherwise."""
    return full if os.environ.get("TRACKRECORD_SOAK") else sample

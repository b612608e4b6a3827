"""What somebody says about the run of a command, beside the command itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Told:
    """`project` None: the name of the repository's folder. `datasets` are read at the start, `artifacts` at the end."""

    project: str | None = None
    datasets: tuple[tuple[str, Path], ...] = ()
    artifacts: tuple[Path, ...] = ()

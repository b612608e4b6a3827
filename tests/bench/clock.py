"""Repeat, take the median, show the spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each repeat."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def rate(self, count: int) -> str:
        """So many a second: median (lowest-highest)."""
        low, high = count / max(self.seconds), count / min(self.seconds)
        return f"{count / self.median:,.0f} ({low:,.0f}-{high:,.0f})"

    def ms(self) -> str:
        """Milliseconds: median (lowest-highest)."""
        return f"{self.median * 1e3:,.2f} ({min(self.seconds) * 1e3:,.2f}-{max(self.seconds) * 1e3:,.2f})"


def measured(what: Callable[[], object], repeats: int) -> Measured:
    """Run it once unmeasured, then `repeats` times."""
    what()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - begun)
    return Measured(tuple(seconds))


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")

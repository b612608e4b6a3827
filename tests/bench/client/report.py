"""One table: medians, quartiles, and how many times ours; with the machine and the day, and all of it as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackrecord.capture import hardware

if TYPE_CHECKING:
    from tests.bench.client.measure import Row

QUANTILES = {"log_p50_s": 0.5, "log_p99_s": 0.99, "log_p999_s": 0.999, "log_max_s": 1.0}
# measure, heading, what one unit is
COLUMNS = (
    ("import_s", "import, ms", 1e-3),
    ("import_bytes", "import, MB over bare Python", 1e6),
    ("log_p50_s", "log() p50, µs", 1e-6),
    ("log_p99_s", "p99, µs", 1e-6),
    ("log_p999_s", "p99.9, µs", 1e-6),
    ("log_max_s", "max, ms", 1e-3),
    ("calls_per_s", "calls/s until finish() is back", 1.0),
    ("start_s", "start, ms", 1e-3),
    ("finish_s", "finish, ms", 1e-3),
    ("run_bytes", "a short run, MB over bare Python", 1e6),
    ("bytes_per_point", "bytes a point on disk", 1.0),
)
# What must hold for ours (issue: the client).
TARGETS = {"import_s": 0.05, "import_bytes": 10e6, "log_p50_s": 10e-6, "log_p99_s": 100e-6, "start_s": 0.3}
_NOTES = """
Import: a fresh process each; the memory is the peak. log(): five scalars a call, {many:,} calls ({few:,} of the slow
ones) in equal shares over the processes, quantiles of each process by itself. Start and finish: in a git repository of
2,000 files, with a store that is there already; what a tool loads only when it is first used is in its start. The
number after × is how many times ours."""


def facts(alone: bool) -> dict[str, str]:
    """The machine, its programs, and the day."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    dirty = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "trackrecord": commit + (", with changes" if dirty else ""),
        "python": platform.python_version(),
        "processor": f"{hardware.cpu()}, {hardware.cpu_count()} for this process",
        "memory": f"{(hardware.memory() or 0) / 1e9:.0f} GB",
        "system": hardware.system(),
        "network": "none but loopback (a namespace of its own)" if alone else "cut off by settings only",
        "load at the start": load(),
    }


def load() -> str:
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())


def show(rows: list[Row], seen: dict[str, str], out: Path | None) -> None:
    """Print the table; write the same as JSON."""
    bare = statistics.median(rows[-1].values["import_bytes"])
    summary = {row.peer.name: _summary(row, bare) for row in rows}
    ours = summary[rows[0].peer.name]
    print("\n### The client beside others: median (quartiles) ×ours\n")
    print(f"| tool | {' | '.join(heading for _, heading, _ in COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for row in rows:
        name = f"{row.peer.name} {row.version}".strip() if not row.problem else row.peer.name
        if row.problem:
            print(f"| {name} | not measured: {row.problem.replace('|', '/')} |{' |' * (len(COLUMNS) - 1)}")
            continue
        cells = [_cell(summary[row.peer.name].get(key), ours.get(key), unit) for key, _, unit in COLUMNS]
        print(f"| {name} | {' | '.join(cells)} |")
    print()
    for name, value in seen.items():
        print(f"{name}: {value}")
    counts = [len(row.spent) for row in rows if row.spent]
    print(_NOTES.format(many=max(counts), few=min(counts)))
    missed = [
        f"{key} is {ours[key]['median']:.3g}, more than {most:.3g}"
        for key, most in TARGETS.items()
        if key in ours and ours[key]["median"] > most
    ]
    print("Targets: " + ("; ".join(missed) if missed else "all held.") + "\n")
    if out is not None:
        whole = {"facts": seen, "rows": summary, "missed": missed}
        out.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _summary(row: Row, bare: float) -> dict[str, Any]:
    found: dict[str, Any] = {"version": row.version, "problem": row.problem or None}
    for key, values in row.values.items():
        # The bare row shows itself; everything else what it adds.
        less = bare if key == "run_bytes" or (key == "import_bytes" and row.peer.statement) else 0.0
        low, middle, high = statistics.quantiles([value - less for value in values], n=4, method="inclusive")
        found[key] = {"median": middle, "low": low, "high": high, "processes": len(values)}
    if row.spent:
        ordered = sorted(row.spent)
        pooled = {key: ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1e9 for key, q in QUANTILES.items()}
        found["all calls together"] = {"calls": len(ordered), **pooled}
    return found


def _cell(value: dict[str, float] | None, ours: dict[str, float] | None, unit: float) -> str:
    if value is None:
        return ""
    low, middle, high = (_number(value[each] / unit) for each in ("low", "median", "high"))
    ratio = f" ×{_number(value['median'] / ours['median'])}" if ours and ours["median"] and value is not ours else ""
    return f"{middle} ({low}–{high}){ratio}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

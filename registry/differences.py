"""PURE: what differs between reports, group by group, as rows of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from registry.numbers import clean, listed, short, size
from registry.tables import Dataset
from trackrecord.report import RunReport

Row = tuple[str, ...]  # the name, then one cell per run
MISSING = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that differ, and how many others are equal."""

    rows: tuple[Row, ...]
    equal: int


def differing(columns: Sequence[Mapping[str, str]]) -> Group:
    """Compare several mappings key by key; a key that a run lacks is shown as "none"."""
    keys = sorted({key for column in columns for key in column})
    rows = [(key, *(column.get(key, MISSING) for column in columns)) for key in keys]
    differ = [row for row in rows if len(set(row[1:])) > 1]
    return Group(tuple(differ), len(rows) - len(differ))


def code(reports: Sequence[RunReport]) -> Group:
    """Commit, tree, branch, uncommitted changes, command."""
    return differing([_code(report) for report in reports])


def _code(report: RunReport) -> dict[str, str]:
    found = {
        "commit": short(report.code.commit),
        "tree": short(report.code.tree),
        "branch": clean(report.code.branch or MISSING, 60),
        "uncommitted": listed([clean(path, 60) for path in sorted(report.code.changed)], 4) or MISSING,
    }
    if report.command.entry:
        found["entry"] = clean(report.command.entry, 80)
    if report.command.directory:
        found["directory"] = clean(report.command.directory, 80)
    return found


def packages(reports: Sequence[RunReport]) -> Group:
    """Versions; a package that did not come from an index is marked by its origin."""
    return differing(
        [
            {
                clean(package.name, 60): clean(package.version + (f" ({package.origin})" if package.origin else ""), 80)
                for package in report.environment.packages
            }
            for report in reports
        ]
    )


def environments(reports: Sequence[RunReport]) -> Group:
    """Interpreter, system, hardware, variables and seeds."""
    return differing([_environment(report) for report in reports])


def _environment(report: RunReport) -> dict[str, str]:
    about = report.environment
    cells: dict[str, Callable[[], str]] = {
        "python": lambda: f"{about.python} ({about.implementation})",
        "system": lambda: " ".join(part for part in (about.os, about.machine) if part),
        "cpu": lambda: f"{about.cpu} × {about.cpu_count or '?'}" if about.cpu else "",
        "memory": lambda: size(about.memory_bytes) if about.memory_bytes else "",
        "gpu": lambda: ", ".join(sorted(gpu.name for gpu in about.gpus)),
        "driver": lambda: about.driver or "",
        "cuda": lambda: about.cuda or "",
    }
    found = {name: clean(cell(), 80) for name, cell in cells.items()}
    found |= {clean(name, 60): clean(value, 80) for name, value in about.variables.items()}
    found |= {f"seed {clean(name, 40)}": clean(str(value), 40) for name, value in report.seeds.items()}
    return {name: value for name, value in found.items() if value}


def datasets(columns: Sequence[Sequence[Dataset]]) -> Group:
    """Declared data by name: digest, split, whether it covers all of it."""
    return differing([{clean(each.name, 60): _dataset(each) for each in column} for column in columns])


def _dataset(each: Dataset) -> str:
    split = f" {clean(each.split, 20)}" if each.split else ""
    return f"{short(each.digest)}{split}{' (partial)' if each.partial else ''}"

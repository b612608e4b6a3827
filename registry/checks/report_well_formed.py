"""Is the report made as the client makes it? The edge refuses worse; this also judges what was kept long ago."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from registry.facts import Facts, Finding, failed, passed
from trackrecord.report import DIGEST, METRIC, OBJECT_ID, PROJECT, RunReport


def report_well_formed(report: RunReport, facts: Facts) -> Finding:
    """Names, ids and digests are spelled in full, and every number is one."""
    wrong = list(_wrong(report, facts))
    if not wrong:
        return passed("Names, ids, digests and numbers are well formed.")
    return failed(f"The report is not well formed: {', '.join(wrong[:5])}.", "Report with the trackrecord client.")


def _wrong(report: RunReport, facts: Facts) -> Iterator[str]:
    code = report.code
    if not _fits(PROJECT, report.project):
        yield "the project's name"
    if not report.name.strip() or not report.name.isprintable():
        yield "the run's name"
    for what, value in (("commit", code.commit), ("base", code.base), ("tree", code.tree)):
        if value is not None and (not _fits(OBJECT_ID, value) or not value.strip("0")):
            yield f"the {what} is no full id"
    digests = (("patch", code.patch), ("bundle", code.bundle), *(("lock file", d) for d in _lock_files(report)))
    for what, value in digests:
        if value is not None and not _fits(DIGEST, value):
            yield f"the {what} is no SHA-256"
    if report.started_ms <= 0:
        yield "the time it started"
    if any(not _fits(METRIC, metric) for metric in facts.series):
        yield "a metric's name"
    if not all(map(math.isfinite, _numbers(report.params))):
        yield "a parameter is no finite number"


def _lock_files(report: RunReport) -> list[str]:
    return list(report.environment.lock_files.values())


def _fits(pattern: str, value: str) -> bool:
    # `$` lets a newline at the end through; fullmatch does not.
    return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value) is not None


def _numbers(value: object) -> Iterator[float]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case float() as number:
                yield number
            case dict() as inner:
                waiting.extend(inner.values())
            case list() | tuple() as inner:
                waiting.extend(inner)

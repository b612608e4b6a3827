"""The stored files that a report itself rests on: patch, bundle and lock files."""

from __future__ import annotations

from sqlmodel import Session

from registry.tables import Attachment
from trackrecord.report import CodeReport, RunReport, SubmoduleReport


def attach(session: Session, run_id: str, report: RunReport) -> None:
    """Keep what the report rests on. A file that an earlier report of the run named stays what that called it."""
    for digest, what in _named(report).items():
        if session.get(Attachment, (run_id, digest)) is None:
            session.add(Attachment(run_id=run_id, digest=digest, what=what))


def _named(report: RunReport) -> dict[str, str]:
    """Digest -> what."""
    files = dict.fromkeys(report.environment.lock_files.values(), "lock file")
    codes: list[CodeReport | SubmoduleReport] = [report.code, *report.code.submodules]
    for code in codes:
        if code.bundle:
            files[code.bundle] = "bundle"
        if code.patch:
            files[code.patch] = "patch"
    return files

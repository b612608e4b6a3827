"""Rows that others hang on, and batches as scripts send them."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime

from sqlmodel import Session

from registry.tables import Project, Run, Token
from trackrecord.report import BatchReport, PointsReport, Value

_numbers = itertools.count(1)


def make_run(session: Session, now: datetime, project: str = "milestone-1") -> Run:
    """A run that has just started, with its project and token."""
    number = next(_numbers)
    if session.get(Project, project) is None:
        session.add(Project(id=project, created_at=now))
        session.flush()
    token = Token(digest=f"{number:064}", owner="ada", role="runner", project_id=project, created_at=now)
    session.add(token)
    session.flush()
    assert token.id is not None
    run = Run(
        id=f"{number:026}",
        project_id=project,
        name=f"brave-otter-{number}",
        owner="ada",
        token_id=token.id,
        report="{}",
        report_digest=hashlib.sha256(b"{}").hexdigest(),
        params_digest="",
        config_digest="",
        started_at=now,
        received_at=now,
        heard_at=now,
    )
    session.add(run)
    session.flush()
    return run


def batch_of(start: int = 0, **metrics: list[Value]) -> BatchReport:
    """Each metric's values at steps from `start`; a second lies between two."""
    return BatchReport(
        points=[
            PointsReport(
                metric=metric.replace("__", "/"),
                steps=list(range(start, start + len(values))),
                times=[1_790_000_000_000 + 1_000 * step for step in range(start, start + len(values))],
                values=values,
            )
            for metric, values in metrics.items()
        ]
    )


def digest_of(batch: BatchReport) -> str:
    return hashlib.sha256(repr(batch).encode()).hexdigest()

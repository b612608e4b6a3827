"""PURE: what is left of a deleted run's report and finish, in the shapes that everybody who reads them expects."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import rfc8785

from registry.bodies import read
from registry.tables import Run
from trackrecord.report import CodeReport, FinishReport, RunReport

DELETED = "The run was deleted; its report was removed."
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def report_left(run: Run) -> str:
    """A report with what the row itself still says; the digest on the row stays that of the report which was sent."""
    left = RunReport(
        project=run.project_id,
        name=run.name,
        started_ms=(run.started_at - _BEGINNING) // timedelta(milliseconds=1),
        code=CodeReport(commit=run.commit_id, tree=run.tree, dirty=run.dirty, problem=DELETED),
    )
    return json.dumps(asdict(left))


def left_digest(run: Run) -> str:
    """SHA-256 over what the row goes on saying without a report to hold it against, for the entry of the deletion.

    By `config_digest` the run stays counted as a try.
    """
    finished = None if run.finished_at is None else run.finished_at.isoformat()
    told = [run.params_digest, run.config_digest, run.seed, finished, run.finish, run.metric_id]
    badges = [run.late, run.live, run.quarantined]
    return hashlib.sha256(rfc8785.dumps([*told, *badges])).hexdigest()


def finish_left(finish: str | None) -> str | None:
    """How it ended, without the words of its error."""
    if finish is None:
        return None
    return json.dumps(asdict(replace(read(finish.encode(), FinishReport), error=None)))

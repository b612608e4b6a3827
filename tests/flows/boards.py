"""Runs that have ended, and their places on boards as a judgement keeps them, for tests of what follows from those."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry.db import reading, transaction
from registry.find import find_metric
from registry.projects import set_rules
from registry.ranking import leaders
from registry.results import results
from registry.tables import MetricDefinition, Placing, Project, Run
from tests.api.scene import PROJECT, RULES, Scene, batch, body, caller, ended, head_of, report, run_id
from trackrecord.report import ProjectRules, WriterEnd


def run_ended(scene: Scene, number: int, value: float = 0.9, who: str = "runner", **changes: Any) -> str:
    """A run that was reported to its end; its id."""
    run = run_id(number)
    sent = [body(report(**{"name": f"brave-otter-{number}", **changes})), body(batch(value))]
    assert scene.send("PUT", f"/api/v1/runs/{run}", sent[0], who).status_code == 201
    assert scene.send("PUT", f"/api/v1/runs/{run}/batches/main/0", sent[1], who).status_code == 200
    end = ended({"main": WriterEnd(batches=1, head=head_of(*sent))})
    assert scene.send("PUT", f"/api/v1/runs/{run}/finish", end, who).status_code == 200
    return run


def placed(scene: Scene, run: str, value: float | None, **changes: Any) -> None:
    """The run judged by every current definition, the main one first: verified, with this value."""
    with transaction(scene.engine) as session:
        row = session.get_one(Run, run)
        for metric in current(session):
            if metric.main:
                row.metric_id, row.headline, row.headline_step = metric.id, value, 2
            verdict = changes.get("verdict", "verified")
            row.verdict = verdict
            session.merge(
                Placing(
                    run_id=run,
                    metric_id=metric.id or 0,
                    verdict=verdict,
                    headline=value,
                    headline_step=2,
                    recomputed=changes.get("recomputed"),
                    at=datetime.now(UTC),
                )
            )
        row.check_at, row.checked_at = None, datetime.now(UTC)
        for name in ("live", "quarantined", "withdrawn", "state"):
            if name in changes:
                setattr(row, name, changes[name])


def current(session: Session) -> list[MetricDefinition]:
    query = select(MetricDefinition).where(
        MetricDefinition.project_id == PROJECT, col(MetricDefinition.current).is_(True)
    )
    return list(session.exec(query.order_by(col(MetricDefinition.main).desc(), col(MetricDefinition.name))))


def rules(scene: Scene, wanted: ProjectRules = RULES, who: str = "maintainer", at: datetime | None = None) -> None:
    """Set the project's rules, as its maintainer does."""
    with transaction(scene.engine) as session:
        set_rules(session, caller(scene, who), PROJECT, wanted, at or datetime.now(UTC))


def kept(scene: Scene, run: str) -> dict[str, Any]:
    """Every column of the run's row."""
    with reading(scene.engine) as session:
        return session.get_one(Run, run).model_dump()


def entries(scene: Scene, kind: str) -> list[dict[str, Any]]:
    """What the log says under this word, in its order."""

    with reading(scene.engine) as session:
        bodies = session.execute(sa.text("SELECT body FROM leaf WHERE kind = :kind ORDER BY number"), {"kind": kind})
        return [json.loads(text) for text in bodies.scalars()]


def board(scene: Scene, metric: str = "", version: int = 0) -> list[str]:
    """The names on a board, the best first."""
    with reading(scene.engine) as session:
        found = find_metric(session, session.get_one(Project, PROJECT), metric, version)
        ranked = leaders(results(session, found), found.direction, found.tolerance, 99)
    return [each.name for each in ranked]


def best(scene: Scene) -> str:
    """What /best says, over HTTP."""
    answer = scene.send("GET", f"/api/v1/answers/best?words={PROJECT}", who="reader")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["text"])


def main(session: Session) -> MetricDefinition:
    """The definition that counts when none is named."""
    return find_metric(session, session.get_one(Project, PROJECT))

"""Earlier runs of the same code, parameters and seeds: said when a run starts. Running again is legitimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry.kept import report_of
from registry.tables import Dataset, Run

_LOOKED_THROUGH = 200  # of the same code and parameters; they differ in observed seeds at most


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run like this one. `same_data`: whether both declared the same datasets; None: one has not declared any yet."""

    run: Run
    same_data: bool | None


def earlier(session: Session, run: Run, most: int = 3) -> list[Earlier]:
    """The latest ones first. A run whose code is not known has none; deleted and quarantined runs are left out."""
    if run.tree is None or run.withdrawn == "deleted":
        return []
    query = select(Run).where(
        Run.project_id == run.project_id,
        Run.params_digest == run.params_digest,
        Run.tree == run.tree,
        Run.id != run.id,
        sa.or_(
            col(Run.received_at) < run.received_at,
            sa.and_(col(Run.received_at) == run.received_at, col(Run.id) < run.id),
        ),
        Run.withdrawn != "deleted",
        col(Run.quarantined).is_(False),
    )
    latest = query.order_by(col(Run.received_at).desc(), col(Run.id).desc()).limit(_LOOKED_THROUGH)
    seeds = report_of(run).seeds
    found: list[Run] = []
    for other in session.exec(latest):
        if len(found) == most:
            break
        if report_of(other).seeds == seeds:
            found.append(other)
    data = _data(session, [run.id, *(other.id for other in found)])
    return [Earlier(other, _same(data[run.id], data[other.id])) for other in found]


def _data(session: Session, runs: Sequence[str]) -> dict[str, set[str]]:
    """The digests of what each run declared."""
    found: dict[str, set[str]] = defaultdict(set)
    query = sa.select(col(Dataset.run_id), col(Dataset.digest)).where(col(Dataset.run_id).in_(runs))
    for run_id, digest in session.execute(query):
        found[run_id].add(digest)
    return found


def _same(mine: set[str], other: set[str]) -> bool | None:
    return mine == other if mine and other else None

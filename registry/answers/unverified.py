"""Runs that do not count: what is missing and what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.find import definitions, find_project
from registry.kept import known_of
from registry.numbers import clean, counted, read
from registry.results import Clause, placed, scope, tally
from registry.standing import mend, why_not
from registry.tables import MetricDefinition, Run
from registry.words import Between
from trackrecord.answer import Answer, FollowUp, Note, Table


def unverified(
    session: Session,
    asker: Asker,
    now: datetime,
    project: str = "",
    *,
    top: Annotated[int, Between(1, 50)] = 10,
    owner: str = "",
) -> Answer:
    """Runs of a project that do not count, with what is missing and what to do.

    owner=ada takes one person's runs; top=10 is how many are listed. Runs that are still running are left out until
    nothing was heard of them for too long.
    """
    chosen = find_project(session, asker, project)
    clauses = scope(session, asker, chosen, owner=owner)
    metric = next(iter(definitions(session, chosen)), None)
    listed = [*clauses, *_do_not_count(session, metric, asker, now)]
    total = session.execute(sa.select(sa.func.count()).where(*listed)).scalar_one()
    newest = sa.select(Run).where(*listed).order_by(col(Run.received_at).desc(), col(Run.id).desc()).limit(top)
    runs = list(session.execute(newest).scalars())
    seen = tally(session, clauses, asker, now)
    if not runs:
        text = f"Every run of {chosen.id} that has ended counts: {seen}."
        return Answer(f"Nothing unverified in {chosen.id}", text, (Note(text, "good"),), "good")
    known = known_of(session, runs)
    rows = tuple(
        (
            clean(run.name, 40),
            "none" if run.headline is None else read(run.headline, known[run.id].judged or metric),
            run.owner,
            why_not(run, metric, known[run.id], asker, now) or "not verified",
            mend(run, known[run.id], asker),
        )
        for run in runs
    )
    return Answer(
        title=f"Unverified runs of {chosen.id}",
        text=f"{counted(total, 'run')} of {chosen.id} {'does' if total == 1 else 'do'} not count. "
        f"{rows[0][0]}: {rows[0][3]}.",
        parts=(
            Table(
                ("run", metric.name if metric else "value", "owner", "what is missing", "what to do"),
                rows,
                align=("left", "right", "left", "left", "left"),
                cut=total - len(runs),
            ),
            Note(f"{seen}."),
        ),
        tone="warn",
        follow_ups=(
            FollowUp("Show the latest", "show", runs[0].name),
            *(FollowUp("Check it again", "recheck", run.name) for run in runs[:1] if not run.withdrawn),
            FollowUp("Best", "best", chosen.id),
        ),
    )


def _do_not_count(session: Session, metric: MetricDefinition | None, asker: Asker, now: datetime) -> list[Clause]:
    """Ended or silent, and not on the board that counts. A deleted run is left out: nothing can be done about it."""
    heard = col(Run.heard_at) < now - timedelta(seconds=asker.silent_after_s)
    clauses = [col(Run.withdrawn) != "deleted", sa.or_(col(Run.state) != "running", heard)]
    if metric is not None:
        clauses.append(col(Run.id).not_in(placed(session, metric).with_only_columns(col(Run.id))))
    return clauses

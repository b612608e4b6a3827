"""What came in last, with the standing of every run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.find import definitions, find_project
from registry.kept import known_of
from registry.numbers import ago, clean, counted, read
from registry.results import scope, tally
from registry.standing import why_not
from registry.tables import Run
from registry.words import Between
from trackrecord.answer import Answer, FollowUp, Note, Table


def recent(
    session: Session,
    asker: Asker,
    now: datetime,
    project: str = "",
    *,
    top: Annotated[int, Between(1, 50)] = 10,
    owner: str = "",
) -> Answer:
    """The latest runs of a project: value, standing, owner, age.

    owner=ada takes one person's runs; top=10 is how many are listed.
    """
    chosen = find_project(session, asker, project)
    clauses = scope(session, asker, chosen, owner=owner)
    metric = next(iter(definitions(session, chosen)), None)
    newest = sa.select(Run).where(*clauses).order_by(col(Run.received_at).desc(), col(Run.id).desc()).limit(top)
    runs = list(session.execute(newest).scalars())
    seen = tally(session, clauses, asker, now)
    if not runs:
        text = f"{chosen.id} has no run yet. {asker.command('best', chosen.id)} says how to register one."
        return Answer(f"No run in {chosen.id} yet", text, (Note(text),), "warn")
    known = known_of(session, runs)
    rows = tuple(
        (
            clean(run.name, 40),
            "none" if run.headline is None else read(run.headline, known[run.id].judged or metric),
            why_not(run, metric, known[run.id], asker, now) or "verified",
            run.owner,
            ago(now, run.received_at),
        )
        for run in runs
    )
    return Answer(
        title=f"Recent runs of {chosen.id}",
        text=f"The latest {counted(len(runs), 'run')} of {chosen.id}, {clean(runs[0].name, 40)} first. {seen}.",
        parts=(
            Table(
                ("run", metric.name if metric else "value", "standing", "owner", "received"),
                rows,
                align=("left", "right", "left", "left", "left"),
                cut=max(0, seen.total - len(runs)),
            ),
            Note(f"{seen}."),
        ),
        follow_ups=(
            FollowUp("Show the latest", "show", runs[0].name),
            FollowUp("Best", "best", chosen.id),
            FollowUp("Unverified", "unverified", chosen.id),
        ),
    )

"""What is ranked, and what stands beside it: ties, runs that do not count and why, how often it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.kept import known_of
from registry.numbers import bare, clean, listed, read
from registry.ranking import Result, gain, ties
from registry.results import Clause, Tally, placed
from registry.standing import why_not
from registry.tables import MetricDefinition, Project, Run
from registry.tries import said as tries_said
from registry.tries import tries
from trackrecord.answer import SELF_REPORTED, Note, Part


@dataclass(frozen=True, slots=True)
class Race:
    """What is ranked: the metric, the values that count, and the runs around them."""

    project: Project
    metric: MetricDefinition
    clauses: tuple[Clause, ...]
    results: tuple[Result, ...]
    everything: tuple[Result, ...]  # the project's, without the filters: for spreads
    tally: Tally
    board: Tally  # the same without the filters

    def read(self, value: float) -> str:
        return read(value, self.metric)

    def bare(self, value: float) -> str:
        """The same without percent or unit, for what stands beside a value."""
        return bare(value, self.metric)


def footnotes(session: Session, race: Race, winner: Result, asker: Asker, now: datetime) -> list[Part]:
    """What has to be said beside a best value: ties, higher runs that do not count, tries, what a number is."""
    notes: list[Part] = []
    equal = ties(winner, race.results, race.metric.tolerance)
    if equal:
        names = listed([clean(each.name, 40) for each in equal], 3)
        notes.append(
            Note(
                f"{names} {'is' if len(equal) == 1 else 'are'} equal inside the tolerance of "
                f"{race.bare(race.metric.tolerance)}: the earliest counts."
            )
        )
    notes += not_ranked(session, race, winner.value, asker, now)
    same = tries(session, race.project.id, winner.config, race.metric, asker, now)
    notes.append(Note(tries_said(same, race.metric, best=True)))
    filtered = f"With these filters: {race.tally}. " if race.tally != race.board else ""
    where = "On the whole board" if race.metric.current else "In the whole project, by what counts now"
    notes.append(Note(f"{filtered}{where}: {race.board}. Runs never registered cannot be counted."))
    notes.append(Note(SELF_REPORTED))
    return notes


def not_ranked(session: Session, race: Race, bar: float | None, asker: Asker, now: datetime) -> list[Part]:
    """Two sentences at most: runs that are higher and do not count, and the others that do not rank; each says why.

    Those about which something was said since come first: they may have led, and were announced.

    An old board is closed: its runs are judged by a later definition now, and stand on that one's board.
    """
    if not race.metric.current:
        return []
    query = (
        sa.select(Run)
        .where(*race.clauses, col(Run.state) != "running")
        .where(col(Run.id).not_in(placed(session, race.metric).with_only_columns(col(Run.id))))
        .order_by(col(Run.received_at).desc())
        .limit(200)
    )
    others = list(session.execute(query).scalars())
    direction = race.metric.direction
    better = [run for run in others if run.metric_id == race.metric.id and _beats(run, bar, direction)]
    better.sort(key=lambda run: (not run.withdrawn, -gain(run.headline or 0.0, 0.0, direction)))
    rest = sorted((run for run in others if run not in better), key=lambda run: not run.withdrawn)
    known = known_of(session, [*better[:3], *rest[:4]])

    def said(run: Run) -> str:
        value = ""
        if run.headline is not None and run.metric_id == race.metric.id:
            value = f" {race.read(run.headline)}"
        return f"{clean(run.name, 40)}{value} ({why_not(run, race.metric, known[run.id], asker, now)})"

    notes: list[Part] = []
    more = f" {asker.command('unverified', race.project.id)} lists all."
    if better:
        word = "higher" if direction == "higher" else "lower"
        text = "1 run that does not count is" if len(better) == 1 else f"{len(better)} runs that do not count are"
        listing = "; ".join(said(run) for run in better[:3]) + ("; …" if len(better) > 3 else "")
        notes.append(Note(f"{text} {word}: {listing}.{more if len(better) > 3 else ''}", "warn"))
    if rest:
        listing = "; ".join(said(run) for run in rest[:4])
        cut = f" and {len(rest) - 4} more.{more}" if len(rest) > 4 else "."
        notes.append(Note(f"Not ranked: {listing}{cut}"))
    return notes


def _beats(run: Run, bar: float | None, direction: str) -> bool:
    return run.headline is not None and bar is not None and gain(run.headline, bar, direction) > 0

"""What is ranked, and what stands beside it: ties, runs that do not count and why, how often it was tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.kept import findings_of
from registry.numbers import clean, counted, listed, shown
from registry.ranking import Result, gain, ties
from registry.results import Clause, Tally
from registry.standing import SELF_REPORTED, why_not
from registry.tables import MetricDefinition, Project, Run
from trackrecord.answer import Note, Part


@dataclass(frozen=True, slots=True)
class Race:
    """What is ranked: the metric, the values that count, and the runs around them."""

    project: Project
    metric: MetricDefinition
    clauses: tuple[Clause, ...]
    results: tuple[Result, ...]
    everything: tuple[Result, ...]  # the project's, without the filters: for spreads
    tally: Tally

    def read(self, value: float) -> str:
        return shown(value, self.metric.percent, self.metric.decimals)

    def bare(self, value: float) -> str:
        """The same without the sign of percent, for what stands beside a value."""
        return self.read(value).removesuffix(" %")


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
    notes.append(Note(f"{race.tally}. {_tries(session, race, winner)}Runs never registered cannot be counted."))
    notes.append(Note(SELF_REPORTED))
    return notes


def _tries(session: Session, race: Race, winner: Result) -> str:
    query = sa.select(col(Run.state), col(Run.verdict), sa.func.count()).where(
        col(Run.project_id) == race.project.id, col(Run.config_digest) == winner.config
    )
    tries: Counter[str] = Counter()
    for state, verdict, count in session.execute(query.group_by(col(Run.state), col(Run.verdict))):
        tries[verdict if state == "finished" else state] += count
    if tries.total() < 2:
        return "The winner's configuration was tried once. "
    said = listed([f"{count} {word}" for word, count in tries.most_common()])
    return f"The winner's configuration was tried {tries.total()} times ({said}). "


def not_ranked(session: Session, race: Race, bar: float | None, asker: Asker, now: datetime) -> list[Part]:
    """Two sentences at most: unverified runs that are higher, and the others that do not rank; each says why."""
    ranked = {result.run for result in race.everything}
    query = (
        sa.select(Run)
        .where(*race.clauses, col(Run.state) != "running")
        .where(sa.or_(col(Run.verdict) != "verified", col(Run.state) != "finished", col(Run.headline).is_(None)))
        .order_by(col(Run.received_at).desc())
        .limit(200)
    )
    others = [run for run in session.execute(query).scalars() if run.id not in ranked]
    direction = race.metric.direction
    better = [run for run in others if race.metric.main and _beats(run, bar, direction)]
    better.sort(key=lambda run: gain(run.headline or 0.0, 0.0, direction), reverse=True)
    rest = [run for run in others if run not in better]
    findings = findings_of(session, [run.id for run in (*better[:3], *rest[:4])])

    def said(run: Run) -> str:
        value = f" {race.read(run.headline)}" if run.headline is not None and race.metric.main else ""
        return f"{clean(run.name, 40)}{value} ({why_not(run, race.metric, findings[run.id], asker, now)})"

    notes: list[Part] = []
    more = f" {asker.command('unverified', race.project.id)} lists all."
    if better:
        word = "higher" if direction == "higher" else "lower"
        text = f"{counted(len(better), 'run')} that is not verified" if len(better) == 1 else ""
        text = text or f"{len(better)} runs that are not verified"
        verb = "is" if len(better) == 1 else "are"
        listing = "; ".join(said(run) for run in better[:3]) + ("; …" if len(better) > 3 else "")
        notes.append(Note(f"{text} {verb} {word}: {listing}.{more if len(better) > 3 else ''}", "warn"))
    if rest:
        listing = "; ".join(said(run) for run in rest[:4])
        cut = f" and {len(rest) - 4} more.{more}" if len(rest) > 4 else "."
        notes.append(Note(f"Not ranked: {listing}{cut}"))
    return notes


def _beats(run: Run, bar: float | None, direction: str) -> bool:
    return run.headline is not None and bar is not None and gain(run.headline, bar, direction) > 0

"""Which registered run has a number that somebody reports: backed, close, only unverified, or not registered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.claims import Claim, number_in
from registry.find import find_metric, find_project, versions
from registry.kept import known_of
from registry.numbers import ago, clean, counted, listed, read, short
from registry.ranking import Result, leaders
from registry.results import results, scope
from registry.standing import is_open, mend, why_not
from registry.tables import MetricDefinition, Project, Run
from trackrecord.answer import Answer, Code, FollowUp, Link, Note, Part
from trackrecord.errors import TrackrecordError

_CLOSE = 5  # so many units of the last digit said: 91.2 % is close to 90.9 %, 93.4 % is not


@dataclass(frozen=True, slots=True)
class Case:
    """A reported number and what it is held against."""

    claim: Claim
    project: Project
    metric: MetricDefinition
    searched: int

    @property
    def number(self) -> str:
        return f"{self.claim.shown} {self.metric.name}"

    def read(self, value: float) -> str:
        return read(value, self.metric, self.claim.decimals)


def claim(session: Session, asker: Asker, now: datetime, *text: str, project: str = "") -> Answer:
    """Whether a registered run has a reported accuracy: `claim 93.4 %`.

    Only verified runs back a number, by the project's main metric, to the precision that was said: 93.4 stands for
    everything from 93.35 to just below 93.45.
    """
    number = number_in(" ".join(text))
    if number is None:
        raise TrackrecordError("There is no accuracy in it.", f"Write: {asker.command('claim', '93.4 %')}")
    chosen = find_project(session, asker, project)
    metric = find_metric(session, chosen)
    if not metric.percent:
        raise TrackrecordError(
            f"{metric.name} of {chosen.id} is not read in percent, so {number.shown} cannot be held against it.",
            f"Its values: {asker.command('best', chosen.id)}",
        )
    clauses = scope(session, asker, chosen)
    searched = session.execute(sa.select(sa.func.count()).where(*clauses)).scalar_one()
    case = Case(number, chosen, metric, searched)
    low, high = number.bounds
    verified = results(session, metric, clauses)
    backing = [result for result in verified if low <= result.value < high]
    if backing:
        return _backed(case, leaders(backing, metric.direction, metric.tolerance, 3), len(backing), now)
    best = next(iter(leaders(verified, metric.direction, metric.tolerance, 1)), None)
    of_metric = col(Run.metric_id).in_([each.id for each in versions(session, chosen, metric.name)])
    query = sa.select(Run).where(*clauses, of_metric, col(Run.headline) >= low, col(Run.headline) < high)
    stands_first = sa.case((col(Run.withdrawn) == "", 0), else_=1)
    other = session.execute(query.order_by(stands_first, col(Run.received_at).desc()).limit(1)).scalar_one_or_none()
    if other is not None:
        return _only_unverified(session, case, other, best, asker, now)
    return _not_registered(case, best, now)


def _backed(case: Case, backing: list[Result], count: int, now: datetime) -> Answer:
    first = backing[0]
    said = f"{clean(first.name, 40)} by {first.owner} has it: {case.read(first.value)} {case.metric.name}"
    text = f"{said}, verified, commit {short(first.commit)}, {ago(now, first.at)}."
    parts: list[Part] = []
    if count > 1:
        names = listed([clean(each.name, 40) for each in backing], 3)
        parts.append(Note(f"{counted(count, 'verified run')} of {case.project.id} round to it, among them {names}."))
    parts.append(Link(f"Page of {clean(first.name, 40)}", f"/runs/{first.run}"))
    return Answer(f"{case.number}: backed", text, tuple(parts), "good", _next(first))


def _only_unverified(
    session: Session, case: Case, run: Run, best: Result | None, asker: Asker, now: datetime
) -> Answer:
    known = known_of(session, [run])[run.id]
    reason = why_not(run, case.metric, known, asker, now) or "not verified"
    which = f"was {run.withdrawn}" if run.withdrawn else "is not verified"
    if run.verdict == "verified" and not run.withdrawn:
        which = "does not count"
    text = f"Only a run that {which} has it: {clean(run.name, 40)} by {run.owner}. Why: {reason}."
    told = mend(run, known, asker)
    parts: list[Part] = (
        [] if is_open(run) and not run.withdrawn else [Note(f"{reason[:1].upper()}{reason[1:]}.", "warn")]
    )
    parts += [Note(told)] if told else []
    parts += [Note(_best(best, case)), Link(f"Page of {clean(run.name, 40)}", f"/runs/{run.id}")]
    again = () if run.withdrawn else (FollowUp("Check it again", "recheck", run.name),)
    title = f"{case.number}: {run.withdrawn or 'not verified'}"
    return Answer(title, text, tuple(parts), "warn", (FollowUp("Show it", "show", run.name), *again))


def _not_registered(case: Case, best: Result | None, now: datetime) -> Answer:
    searched = f"searched {counted(case.searched, 'run')} up to {now:%H:%M} UTC"
    said = f"No registered run of {case.project.id} has it: {case.number} ({searched}). {_best(best, case)}"
    close = best is not None and abs(best.value * 100 - float(case.claim.value)) <= _CLOSE * 10**-case.claim.decimals
    title = f"{case.number}: {'close to the best verified run' if close else 'not registered'}"
    parts = (
        Note("A run is registered by the script that trains it, before its number is shared:"),
        Code(_how(case), filename="train.py"),
    )
    return Answer(title, said, parts, "plain", _next(best) if best else ())


def _best(best: Result | None, case: Case) -> str:
    if best is None:
        return f"{case.project.id} has no verified run yet."
    return f"Best verified is {case.read(best.value)} ({clean(best.name, 40)})."


def _how(case: Case) -> str:
    return (
        "import trackrecord\n\n"
        f'with trackrecord.run("{case.project.id}", params=vars(args)) as run:\n'
        f'    run.log({{"{case.metric.name}": accuracy}}, step=epoch)'
    )


def _next(result: Result) -> tuple[FollowUp, ...]:
    return (FollowUp("Show it", "show", result.name), FollowUp("Reproduce it", "repro", result.name))

"""Who leads: verified runs only, with the winner's parameters and code, and what does not count and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from sqlmodel import Session

from registry.asker import Asker
from registry.beginnings import choose, first_run, no_metric
from registry.curves import MOST, bars, lines_of_runs, metric_to_draw
from registry.find import Unfound, default_project, definitions, find_metric, find_project, versions, visible_projects
from registry.kept import badges_of, known_of, params_of, series_of
from registry.numbers import ago, clean, clock, counted, read, short
from registry.race import Race, footnotes, not_ranked
from registry.ranking import Result, gain, leaders, siblings, spread
from registry.results import results, scope, tally
from registry.tables import MetricDefinition, Project, Run
from registry.words import Between, Condition, Since
from trackrecord.answer import Answer, Chart, Facts, FollowUp, Link, Note, Part, Table

_PARAMETERS_SHOWN = 12


def best(
    session: Session,
    asker: Asker,
    now: datetime,
    project: str = "",
    metric: str = "",
    *,
    top: Annotated[int, Between(1, 25)] = 5,
    since: Since | None = None,
    owner: str = "",
    where: tuple[Condition, ...] = (),
    by: Literal["run", "config"] = "run",
    version: Annotated[int, Between(0, 10_000)] = 0,
) -> Answer:
    """The best verified run of a project: value, parameters, commit, and the leaders behind it.

    Only finished, verified runs rank, by the project's own definition of the metric. Values inside the definition's
    tolerance are equal: the earliest counts.

    since=30d takes runs of the last thirty days; owner=ada one person's; where=lr<0.01 filters by a parameter and may
    be repeated; by=config ranks configurations by their mean over seeds; top=5 is how many are listed; version=1 is the
    board of an older definition of the metric.
    """
    found = _project_and_metric(session, asker, project, metric)
    if found is None:
        return choose(session, asker, "best")
    chosen, wanted = found
    if not version and not definitions(session, chosen):
        return no_metric(chosen)
    measured = find_metric(session, chosen, wanted, version)
    clauses = tuple(scope(session, asker, chosen, since=since, owner=owner, where=where))
    whole = tuple(scope(session, asker, chosen))
    ranked = tuple(results(session, measured, clauses))
    everything = ranked if len(clauses) == 1 else tuple(results(session, measured, whole))
    board = tally(session, whole, asker, now)
    narrowed = board if len(clauses) == 1 else tally(session, clauses, asker, now)
    race = Race(chosen, measured, clauses, ranked, everything, narrowed, board)
    if not race.results:
        return _nobody(session, race, asker, now, filtered=len(clauses) > 1)
    if by == "config":
        return _by_config(session, race, asker, now, top)
    return _by_run(session, race, asker, now, top)


def _project_and_metric(session: Session, asker: Asker, project: str, metric: str) -> tuple[Project, str] | None:
    """`best accuracy` in a channel of a project means its metric. None: the project has to be chosen."""
    default = default_project(session, asker)
    if not project:
        return (default, metric) if default else None
    try:
        return find_project(session, asker, project), metric
    except Unfound as unknown:
        if metric and any(each.id == metric.lower() for each in visible_projects(session, asker)):
            return find_project(session, asker, metric), project
        if default is None or metric or unknown.candidates:
            raise
        try:
            return default, find_metric(session, default, project).name
        except Unfound as meant:
            if meant.candidates:
                raise
        raise


def _by_run(session: Session, race: Race, asker: Asker, now: datetime, top: int) -> Answer:
    metric, places = race.metric, leaders(race.results, race.metric.direction, race.metric.tolerance, top)
    winner = places[0]
    value = race.read(winner.value)
    run = session.get_one(Run, winner.run)
    step = f" at step {winner.step}" if winner.step is not None else ""
    parts: list[Part] = [
        *_old_board(session, race),
        _winner_facts(session, run, winner, race, now),
        _parameters(session, run, asker),
        Table(
            ("run", metric.name, "over seeds", "owner", "commit", "age"),
            tuple(
                (
                    clean(each.name, 40),
                    race.read(each.value),
                    _spread_words(each, race),
                    each.owner,
                    short(each.commit),
                    ago(now, each.at),
                )
                for each in places
            ),
            title="Leaders",
            align=("left", "right", "left", "left", "left", "left"),
            cut=max(0, len(race.results) - len(places)),
        ),
    ]
    chart = _chart(session, race, places)
    parts += [chart] if chart else []
    parts += footnotes(session, race, winner, asker, now)
    parts.append(Link(f"Page of {clean(winner.name, 40)}", f"/runs/{winner.run}"))
    second = f"{winner.name} {places[1].name}" if len(places) > 1 else ""
    return Answer(
        title=f"Best verified run of {race.project.id}: {value} {metric.name}{_of_before(metric)}",
        text=f"{clean(winner.name, 40)} by {winner.owner} has the best verified {metric.name}{_of_before(metric)} of "
        f"{race.project.id}: {value}{step}, commit {short(winner.commit)}. {race.tally}.",
        parts=tuple(parts),
        tone="good",
        follow_ups=tuple(
            FollowUp(label, question, words)
            for label, question, words in (
                ("Reproduce it", "repro", winner.name),
                ("Show it", "show", winner.name),
                ("Compare the first two", "compare", second),
                ("Unverified runs", "unverified", race.project.id),
                ("The board that counts", "best", "" if metric.current else f"{race.project.id} {metric.name}"),
            )
            if words
        ),
    )


def _rule(metric: MetricDefinition) -> str:
    return {"last": "last value", "best": "best value", "at_best_of": f"at the best {metric.rule_metric}"}[metric.rule]


def _of_before(metric: MetricDefinition) -> str:
    return "" if metric.current else f" (version {metric.version}, an old board)"


def _old_board(session: Session, race: Race) -> list[Part]:
    """Which definition ranked here, and which took over when; nothing for the board that counts."""
    metric = race.metric
    if metric.current:
        return []
    every = versions(session, race.project, metric.name)  # the latest first
    later = [each for each in every if each.version > metric.version]
    text = (
        f"This is an old board: {metric.name} by version {metric.version} (split {metric.split}, {metric.dataset} "
        f"{short(metric.dataset_digest)}, {_rule(metric)}), defined {clock(metric.created_at)} by {metric.created_by}."
    )
    if later:
        text += f" Version {later[-1].version} took over {clock(later[-1].created_at)}."
    current = next((each for each in every if each.current), None)
    if current is None:
        text += f" The project defines no {metric.name} any more."
    elif current is not later[-1]:
        text += f" Version {current.version} counts now."
    return [Note(text, "warn")]


def _winner_facts(session: Session, run: Run, winner: Result, race: Race, now: datetime) -> Facts:
    metric = race.metric
    pairs = [
        ("run", clean(run.name, 60)),
        ("value", f"{race.read(winner.value)} {metric.name} ({metric.split} split, {_rule(metric)})"),
        ("step", "none" if winner.step is None else f"{winner.step}"),
        ("owner", run.owner),
        ("when", f"{ago(now, winner.at)} ({winner.at:%Y-%m-%d %H:%M} UTC)"),
        ("commit", run.commit_id or "none"),
    ]
    if metric.rule != "last":
        pairs.insert(3, ("last value", _last(session, run, metric)))
    if run.dirty:
        pairs.append(("tree", f"{run.tree or 'none'} (with uncommitted changes, rebuilt by the registry)"))
    if run.seed:
        pairs.append(("seed", clean(run.seed, 80)))
    worn = badges_of(run, metric, known_of(session, [run])[run.id])
    pairs += [(badge.word, badge.sentence) for badge in worn]
    return Facts(tuple(pairs))


def _last(session: Session, run: Run, metric: MetricDefinition) -> str:
    """What the run ended with, beside a value that counts from another step."""
    series = series_of(session, [run.id])[run.id].get(metric.name)
    if series is None or series.last is None:
        return "not a finite number"
    return f"{read(series.last, metric)} at step {series.last_step}"


def _parameters(session: Session, run: Run, asker: Asker) -> Facts:
    params = list(params_of(session, [run.id])[run.id].items())
    pairs = [(key, clean(text, 80)) for key, text in params[:_PARAMETERS_SHOWN]]
    if len(params) > _PARAMETERS_SHOWN:
        more = len(params) - _PARAMETERS_SHOWN
        pairs.append(("…", f"and {more} more: {asker.command('show', run.name)}"))
    if not pairs:
        pairs.append(("none", "the run recorded an empty set of parameters"))
    return Facts(tuple(pairs), "Verified parameters")


def _spread_words(result: Result, race: Race) -> str:
    same = siblings(race.everything).get(result.config, [result])
    seen = spread(same)
    if seen is None or seen.std is None:
        return "single seed"
    over = counted(seen.seeds, "seed") if seen.seeds == seen.count else counted(seen.count, "run")
    return f"±{race.bare(seen.std)} over {over}"


def _chart(session: Session, race: Race, places: Sequence[Result]) -> Chart | None:
    runs = [(each.run, each.name) for each in places[:MOST]]
    drawn = metric_to_draw(session, [run for run, _ in runs], race.metric.name)
    title = f"Leaders of {race.project.id}"
    chart = lines_of_runs(session, runs, drawn, race.metric, title) if drawn else None
    return chart or bars(places, race.metric, title)


def _by_config(session: Session, race: Race, asker: Asker, now: datetime, top: int) -> Answer:
    groups = []
    for same in siblings(race.results).values():
        seen = spread(same)
        if seen is not None:
            groups.append((seen, leaders(same, race.metric.direction, race.metric.tolerance, 1)[0]))
    groups.sort(key=lambda group: (-gain(group[0].mean, 0.0, race.metric.direction), group[1].at))
    first, winner = groups[0]
    rows = tuple(
        (
            clean(champion.name, 40),
            race.read(seen.mean),
            "single seed" if seen.std is None else f"±{race.bare(seen.std)}",
            str(seen.count),
            race.read(champion.value),
            champion.owner,
            short(champion.commit),
        )
        for seen, champion in groups[:top]
    )
    columns = ("best run of it", f"mean {race.metric.name}", "over seeds", "runs", "best", "owner", "commit")
    return Answer(
        title=f"Best configuration of {race.project.id}: {race.read(first.mean)} {race.metric.name} on average"
        f"{_of_before(race.metric)}",
        text=f"The configuration of {clean(winner.name, 40)} by {winner.owner} has the best mean {race.metric.name} of "
        f"{race.project.id}: {race.read(first.mean)} over {counted(first.count, 'verified run')}. {race.tally}.",
        parts=(
            *_old_board(session, race),
            Table(
                columns,
                rows,
                title="Configurations (equal code and parameters up to the seed)",
                align=("left", "right", "right", "right", "right", "left", "left"),
                cut=max(0, len(groups) - top),
            ),
            _parameters(session, session.get_one(Run, winner.run), asker),
            *footnotes(session, race, winner, asker, now),
        ),
        tone="good",
        follow_ups=(
            FollowUp("Best single run", "best", race.project.id),
            FollowUp("Show its best run", "show", winner.name),
        ),
    )


def _nobody(session: Session, race: Race, asker: Asker, now: datetime, *, filtered: bool) -> Answer:
    project = race.project.id
    if not race.tally.total and not filtered and race.metric.current:
        return first_run(race.project, race.metric.name)
    what = "fits these filters" if filtered else "counts yet"
    text = f"No verified run of {project} {what}: {race.tally}."
    if filtered and not race.tally.total:
        text = f"No run of {project} fits these filters."
    return Answer(
        title=f"No verified run of {project} {what}",
        text=text,
        parts=(*_old_board(session, race), Note(text, "warn"), *not_ranked(session, race, None, asker, now)),
        tone="warn",
        follow_ups=(
            FollowUp("Unverified runs", "unverified", project),
            FollowUp("Recent runs", "recent", project),
            *((FollowUp("Without filters", "best", project),) if filtered else ()),
        ),
    )

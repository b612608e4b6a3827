"""Two to five runs side by side: only what differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from registry import differences, history, machine
from registry.asker import Asker
from registry.curves import lines_of_runs, metric_to_draw
from registry.differences import Group, Row
from registry.earlier import earlier
from registry.find import definitions, find_run
from registry.kept import (
    badges_of,
    datasets_of,
    headline_metric,
    known_of,
    metric_facts,
    params_of,
    report_of,
    series_of,
)
from registry.numbers import ago, apart, clean, counted, listed, plain, read
from registry.ranking import gain
from registry.standing import in_its_place, is_open, why_not
from registry.tables import MetricDefinition, Project, Run
from registry.words import RunRef
from trackrecord.answer import Align, Answer, Code, FollowUp, Note, Part, Table
from trackrecord.errors import TrackrecordError

MOST = 5
_ROWS = 25  # of one table
_THINGS = {
    "parameter": ("parameter",),
    "code": ("fact of the code", "facts of the code"),
    "package": ("package",),
    "dataset": ("dataset",),
    "environment": ("fact of the environment", "facts of the environment"),
}
_LIKE_IT = 50  # earlier runs like one of them that are looked through
_OTHER_METRICS = 8  # that no definition names


def compare(session: Session, asker: Asker, now: datetime, *runs: RunRef) -> Answer:
    """Two to five runs side by side: only what differs in results, parameters, code, packages, data and machine.

    Differences of a metric are against the first run; better and worse follow the project's definition.
    """
    kept = _runs(session, asker, runs)
    names = [clean(run.name, 30) for run in kept]
    values = _values(session, kept)
    groups = _groups(session, kept)
    parts: list[Part] = [*_standing(session, kept, names, asker, now), *_warnings(kept, groups[3][2])]
    parts += _repeated(session, kept, names)
    parts += [_table("Results", "metric", names, values, right=True)] if values else []
    parts += [_table(title, first, names, group.rows) for title, first, group in groups if group.rows]
    parts += _code_between(kept)
    parts.append(Note(_equal(groups) if sum(map(is_open, kept)) > 1 else "There is nothing else to compare."))
    parts += _chart(session, kept)
    return Answer(
        title=f"{' and '.join(names)}: what differs" if len(names) == 2 else f"{len(names)} runs: what differs",
        text=_sentence(kept, names, values, groups),
        parts=tuple(parts),
        follow_ups=tuple(FollowUp(f"Show {name}", "show", run.name) for run, name in zip(kept, names, strict=True)),
    )


def _groups(session: Session, runs: Sequence[Run]) -> tuple[tuple[str, str, Group], ...]:
    """What differs, by group, between the runs whose content is shown; the others have a word in their column."""
    shown = [run for run in runs if is_open(run)]
    reports = [report_of(run) for run in shown]
    params = params_of(session, [run.id for run in shown])
    found = (
        ("Parameters", "parameter", differences.differing([params[run.id] for run in shown])),
        ("Code", "code", differences.code(reports)),
        ("Packages", "package", differences.packages(reports)),
        ("Data", "dataset", differences.datasets([datasets_of(session, run.id) for run in shown])),
        ("Environment", "environment", differences.environments(reports)),
    )
    return tuple((title, first, Group(_wide(runs, group.rows), group.equal)) for title, first, group in found)


def _wide(runs: Sequence[Run], rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with a cell for every run."""
    wide = []
    for row in rows:
        cells = iter(row[1:])
        wide.append((row[0], *(next(cells) if is_open(run) else in_its_place(run) for run in runs)))
    return tuple(wide)


def _runs(session: Session, asker: Asker, words: Sequence[RunRef]) -> list[Run]:
    if not 2 <= len(words) <= MOST:
        given = "none is" if not words else ("one is" if len(words) == 1 else f"{len(words)} are")
        hint = f"Write: {asker.command('compare', 'RUN RUN')}; {asker.command('recent')} lists runs."
        if len(words) > MOST:
            hint = f"Write: {asker.command('compare', ' '.join(words[:MOST]))}"
        raise TrackrecordError(f"compare takes two to {MOST} runs, {given} named.", hint)
    found = [find_run(session, asker, word) for word in words]
    unique = list({run.id: run for run in found}.values())
    if len(unique) < 2:
        raise TrackrecordError(
            f"That is {clean(found[0].name, 40)} twice.", f"Write: {asker.command('compare', found[0].name)} OTHER-RUN"
        )
    return unique


def _standing(session: Session, runs: Sequence[Run], names: Sequence[str], asker: Asker, now: datetime) -> list[Part]:
    """Where each stands, and in words what of it is not shown."""
    known = known_of(session, runs)
    rows, notes = [], []
    for run, name in zip(runs, names, strict=True):
        metric = headline_metric(session, run)
        standing = why_not(run, metric, known[run.id], asker, now) or "verified"
        worn = ", ".join(badge.word for badge in badges_of(run, metric, known[run.id])) or "none"
        seed = clean(run.seed or "none", 30) if is_open(run) else in_its_place(run)
        rows.append((name, standing, worn, run.owner, seed, ago(now, run.received_at)))
        if not is_open(run):
            gone = "What it held is gone: only its row is left." if run.withdrawn == "deleted" else ""
            notes.append(Note(f"{name}: {standing}. {gone}".rstrip(), "warn"))
    return [Table(("run", "standing", "badges", "owner", "seed", "received"), tuple(rows)), *notes]


def _warnings(runs: Sequence[Run], data: Group) -> list[Part]:
    notes: list[Part] = []
    if len({run.project_id for run in runs}) > 1:
        notes.append(Note("These runs belong to different projects: their values need not compare.", "warn"))
    elif len({run.metric_id for run in runs if run.metric_id is not None}) > 1:
        notes.append(Note("These runs were judged by different versions of the metric definition.", "warn"))
    if data.rows:
        notes.append(Note("These runs declare different data: their values need not compare.", "warn"))
    return notes


def _repeated(session: Session, runs: Sequence[Run], names: Sequence[str]) -> list[Part]:
    """Which of the runs had all been run before: same code, parameters and seeds."""
    called = dict(zip((run.id for run in runs), names, strict=True))
    notes: list[Part] = []
    for run in runs:
        before = earlier(session, run, _LIKE_IT) if is_open(run) else []
        same = [called[each.run.id] for each in before if each.run.id in called]
        if same:
            notes.append(Note(f"{called[run.id]} has the same code, parameters and seeds as {listed(same, MOST)}."))
    return notes


def _values(session: Session, runs: Sequence[Run]) -> tuple[tuple[str, ...], ...]:
    """Defined metrics by their rule, then last values of others that differ; each against the first run."""
    project = session.get_one(Project, runs[0].project_id)
    rows = []
    known = definitions(session, project)
    for metric in known:
        values = [history.headline(session, run.id, metric_facts(metric))[0] for run in runs]
        if any(value is not None for value in values):
            same = [_on_its_data(session, run, metric) for run in runs]
            gone = [run.withdrawn == "deleted" for run in runs]
            first = values[0] if same[0] else None
            cells = (
                "deleted" if left else _against(value, first, metric, at)
                for value, at, left in zip(values, same, gone, strict=True)
            )
            rows.append((metric.name, *cells))
    found = series_of(session, [run.id for run in runs if is_open(run)])
    logged = {name for each in found.values() for name in machine.of_the_run(each)}
    others = sorted(logged - {metric.name for metric in known})
    for name in others:
        each = [found.get(run.id, {}).get(name) for run in runs]
        lasts = [series.last if series is not None else None for series in each]
        texts = [_last(series.last_kind, series.last) if series is not None else "none" for series in each]
        if len(set(texts)) > 1 and len(rows) < len(known) + _OTHER_METRICS:
            texts = [text if is_open(run) else in_its_place(run) for run, text in zip(runs, texts, strict=True)]
            steps = (_step(value, lasts[0]) if place else "" for place, value in enumerate(lasts))
            rows.append((f"{name} (last)", *(text + step for text, step in zip(texts, steps, strict=True))))
    return tuple(rows)


def _last(kind: str, value: float | None) -> str:
    return {"nan": "NaN", "+inf": "Infinity", "-inf": "-Infinity"}.get(kind) or plain(value)


def _step(value: float | None, first: float | None) -> str:
    if value is None or first is None or value == first:
        return ""
    return f" ({'+' if value > first else ''}{plain(value - first)})"


def _on_its_data(session: Session, run: Run, metric: MetricDefinition) -> bool:
    """Whether the run declares exactly the data that the definition names: values on other data do not compare."""
    return any(
        (each.name, each.digest) == (metric.dataset, metric.dataset_digest) and each.split in (metric.split, None)
        for each in datasets_of(session, run.id)
    )


def _against(value: float | None, first: float | None, metric: MetricDefinition, same_data: bool) -> str:
    said = read(value, metric)
    if value is not None and not same_data:
        return f"{said} (other data)"
    if value is None or first is None or value is first:
        return said
    better = gain(value, first, metric.direction)
    if abs(value - first) <= metric.tolerance:
        return f"{said} (equal)"
    change = apart(value - first, metric).removesuffix(" points").removesuffix(f" {metric.unit}")
    return f"{said} ({change}, {'better' if better > 0 else 'worse'})"


def _table(
    title: str, first: str, names: Sequence[str], rows: Sequence[tuple[str, ...]], *, right: bool = False
) -> Table:
    others: Align = "right" if right else "left"
    align: tuple[Align, ...] = ("left", *(others for _ in names))
    return Table((first, *names), tuple(rows[:_ROWS]), title, align, max(0, len(rows) - _ROWS))


def _code_between(runs: Sequence[Run]) -> list[Part]:
    """How to see the commits between two runs; the registry's thinking does not look into git."""
    commits = [run.commit_id for run in runs]
    if len(runs) != 2 or None in commits or commits[0] == commits[1]:
        return []
    note = " (uncommitted changes are not in it)" if any(run.dirty for run in runs) else ""
    return [Code(f"git diff {commits[0]} {commits[1]}", f"Commits between them{note}")]


def _equal(groups: Sequence[tuple[str, str, Group]]) -> str:
    said = [counted(group.equal, f"equal {first}") for _, first, group in groups[:1] if group.equal]
    said += [counted(groups[2][2].equal, "equal package")] if groups[2][2].equal else []
    same = [title.lower() for title, _, group in groups if not group.rows]
    text = f"{listed(said)}. " if said else ""
    return (text + (f"The same in all: {listed(same)}." if same else "")).strip() or "Nothing is equal."


def _chart(session: Session, runs: Sequence[Run]) -> list[Part]:
    metric = headline_metric(session, runs[0])
    if metric is None:
        return []
    pairs = [(run.id, run.name) for run in runs if is_open(run)]
    drawn = metric_to_draw(session, [run for run, _ in pairs], metric.name)
    title = f"{len(pairs)} runs compared"
    chart = lines_of_runs(session, pairs, drawn, metric, title) if drawn else None
    return [chart] if chart else []


def _sentence(
    runs: Sequence[Run],
    names: Sequence[str],
    values: Sequence[tuple[str, ...]],
    groups: Sequence[tuple[str, str, Group]],
) -> str:
    said = f"{listed(list(names), MOST)} differ in "
    if values:
        each = zip(runs, names, values[0][1:], strict=True)
        pairs = [f"{name}{_aside(run)} {cell}" for run, name, cell in each]
        said = f"{values[0][0]}: {', '.join(pairs)}. They differ in "
    counts = [counted(len(group.rows), *_THINGS[first]) for _, first, group in groups if group.rows]
    return said + (listed(counts, 6) if counts else "nothing else") + "."


def _aside(run: Run) -> str:
    """What must be known of a run before its value is read; a deleted one has the word in the place of its value."""
    if run.withdrawn and run.withdrawn != "deleted":
        return f" ({run.withdrawn})"
    return " (hidden)" if run.quarantined and not run.withdrawn else ""

"""Two to five runs side by side: only what differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from registry import differences, history
from registry.asker import Asker
from registry.curves import lines_of_runs, metric_to_draw
from registry.differences import Group
from registry.find import definitions, find_run
from registry.kept import datasets_of, findings_of, headline_metric, metric_facts, params_of, report_of, series_of
from registry.numbers import ago, clean, counted, delta, listed, plain, shown
from registry.ranking import gain
from registry.standing import why_not
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
_OTHER_METRICS = 8  # that no definition names


def compare(session: Session, asker: Asker, now: datetime, *runs: RunRef) -> Answer:
    """Two to five runs side by side: only what differs in results, parameters, code, packages, data and machine.

    Differences of a metric are against the first run; better and worse follow the project's definition.
    """
    kept = _runs(session, asker, runs)
    names = [clean(run.name, 30) for run in kept]
    reports = [report_of(run) for run in kept]
    values = _values(session, kept)
    params = params_of(session, [run.id for run in kept])
    groups = (
        ("Parameters", "parameter", differences.differing([params[run.id] for run in kept])),
        ("Code", "code", differences.code(reports)),
        ("Packages", "package", differences.packages(reports)),
        ("Data", "dataset", differences.datasets([datasets_of(session, run.id) for run in kept])),
        ("Environment", "environment", differences.environments(reports)),
    )
    parts: list[Part] = [_standing(session, kept, names, asker, now), *_warnings(kept, groups[3][2])]
    parts += [_table("Results", "metric", names, values, right=True)] if values else []
    parts += [_table(title, first, names, group.rows) for title, first, group in groups if group.rows]
    parts += _code_between(kept)
    parts.append(Note(_equal(groups)))
    parts += _chart(session, kept)
    return Answer(
        title=f"{' and '.join(names)}: what differs" if len(names) == 2 else f"{len(names)} runs: what differs",
        text=_sentence(names, values, groups),
        parts=tuple(parts),
        follow_ups=tuple(FollowUp(f"Show {name}", "show", run.name) for run, name in zip(kept, names, strict=True)),
    )


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


def _standing(session: Session, runs: Sequence[Run], names: Sequence[str], asker: Asker, now: datetime) -> Table:
    findings = findings_of(session, [run.id for run in runs])
    rows = []
    for run, name in zip(runs, names, strict=True):
        metric = headline_metric(session, run)
        standing = why_not(run, metric, findings[run.id], asker, now) or "verified"
        rows.append((name, standing, run.owner, clean(run.seed or "none", 30), ago(now, run.received_at)))
    return Table(("run", "standing", "owner", "seed", "received"), tuple(rows))


def _warnings(runs: Sequence[Run], data: Group) -> list[Part]:
    notes: list[Part] = []
    if len({run.project_id for run in runs}) > 1:
        notes.append(Note("These runs belong to different projects: their values need not compare.", "warn"))
    elif len({run.metric_id for run in runs if run.metric_id is not None}) > 1:
        notes.append(Note("These runs were judged by different versions of the metric definition.", "warn"))
    if data.rows:
        notes.append(Note("These runs declare different data: their values need not compare.", "warn"))
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
            first = values[0] if same[0] else None
            cells = (_against(value, first, metric, at) for value, at in zip(values, same, strict=True))
            rows.append((metric.name, *cells))
    found = series_of(session, [run.id for run in runs])
    others = sorted({name for each in found.values() for name in each} - {metric.name for metric in known})
    for name in others:
        each = [found[run.id].get(name) for run in runs]
        lasts = [series.last if series is not None else None for series in each]
        texts = [_last(series.last_kind, series.last) if series is not None else "none" for series in each]
        if len(set(texts)) > 1 and len(rows) < len(known) + _OTHER_METRICS:
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
    said = shown(value, metric.percent, metric.decimals)
    if value is not None and not same_data:
        return f"{said} (other data)"
    if value is None or first is None or value is first:
        return said
    better = gain(value, first, metric.direction)
    if abs(value - first) <= metric.tolerance:
        return f"{said} (equal)"
    change = delta(value - first, metric.percent, metric.decimals).removesuffix(" points")
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
    pairs = [(run.id, run.name) for run in runs]
    drawn = metric_to_draw(session, [run.id for run in runs], metric.name)
    title = f"{len(runs)} runs compared"
    chart = lines_of_runs(session, pairs, drawn, metric, title) if drawn else None
    return [chart] if chart else []


def _sentence(names: Sequence[str], values: Sequence[tuple[str, ...]], groups: Sequence[tuple[str, str, Group]]) -> str:
    said = f"{listed(list(names), MOST)} differ in "
    if values:
        pairs = [f"{name} {cell}" for name, cell in zip(names, values[0][1:], strict=True)]
        said = f"{values[0][0]}: {', '.join(pairs)}. They differ in "
    counts = [counted(len(group.rows), *_THINGS[first]) for _, first, group in groups if group.rows]
    return said + (listed(counts, 6) if counts else "nothing else") + "."

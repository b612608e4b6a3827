"""Everything the registry keeps of one run, what stands in its way first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlmodel import Session

from registry import machine
from registry.asker import Asker
from registry.attempts import attempts_of
from registry.curves import charts_of_run
from registry.earlier import earlier
from registry.find import find_run
from registry.kept import (
    artifacts_of,
    badges_of,
    datasets_of,
    headline_metric,
    known_of,
    params_of,
    remarks_of,
    report_of,
    series_of,
)
from registry.numbers import ago, clean, clock, counted, listed, read, short, size, span
from registry.results import scope, tally
from registry.standing import Known, is_open, passed_words, state, verdict_notes, why_not, word
from registry.tables import MetricDefinition, Project, Run, Series
from registry.tries import said as tries_said
from registry.tries import tries
from registry.words import RunRef
from trackrecord.answer import SELF_REPORTED, Answer, Facts, FollowUp, Link, Note, Part, Table, Tone
from trackrecord.report import AttemptReport, RunReport

_PARAMETERS_SHOWN = 40
_TONES: dict[str, Tone] = {"verified": "good", "unverified": "warn", "refuted": "bad"}


def show(session: Session, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """One run in full: verdict and what it lacks, parameters, code, environment, data, history, tries.

    A run is named by its name, its id, or the first letters of its id.
    """
    kept = find_run(session, asker, run)
    metric = headline_metric(session, kept)
    known = known_of(session, [kept])[kept.id]
    parts: list[Part] = [
        *verdict_notes(kept, metric, known, asker, now),
        *(_whole(session, kept, metric, known, asker, now) if is_open(kept) else [_left(kept, metric, asker, now)]),
        *(_earlier(session, kept, now) if is_open(kept) else []),
        *_tries(session, kept, metric, asker, now),
        *([Note(SELF_REPORTED)] if kept.headline is not None else []),
        *(_also_kept(session, kept) if is_open(kept) else []),
        Link(f"Page of {clean(kept.name, 40)}", f"/runs/{kept.id}"),
    ]
    value = _value(kept, metric)
    name = clean(kept.name, 40)
    standing = why_not(kept, metric, known, asker, now)
    return Answer(
        title=f"{name}: {word(kept)}" + (f", {value}" if value else ""),
        text=f"{name} by {kept.owner} in {kept.project_id}: {word(kept)}, {state(kept, asker, now)}"
        + (f", {value}" if value else "")
        + (f". It does not count: {standing}." if standing else "."),
        parts=tuple(parts),
        tone="bad" if kept.withdrawn else _TONES.get(kept.verdict, "plain"),
        follow_ups=_follow_ups(kept, known),
    )


def _follow_ups(run: Run, known: Known) -> tuple[FollowUp, ...]:
    """What to ask next; nothing about what is gone or hidden."""
    instead = known.said.instead if known.said is not None else None
    asked = [FollowUp(f"Show {known.instead}", "show", instead)] if instead and known.instead else []
    if is_open(run):
        asked.append(FollowUp("Reproduce it", "repro", run.name))
    if run.record_digest is not None:
        asked.append(FollowUp("Receipt", "receipt", run.name))
    asked.append(FollowUp("Best of the project", "best", run.project_id))
    if run.verdict != "verified" and not run.withdrawn:
        asked.append(FollowUp("Check again", "recheck", run.name))
    return tuple(asked)


def _whole(
    session: Session, run: Run, metric: MetricDefinition | None, known: Known, asker: Asker, now: datetime
) -> list[Part]:
    """What the run holds, where it is neither hidden nor deleted."""
    report, series = report_of(run), series_of(session, [run.id])[run.id]
    about = _about(run, metric, known, asker, now)
    about += _attempts(run, attempts_of(session, run.id)) + _machine(session, run, series)
    return [
        Facts(tuple(about)),
        _parameters(session, run),
        _code(report),
        _environment(report),
        *_data(session, run),
        *_values(machine.of_the_run(series, [metric]), metric),
        *charts_of_run(session, run, metric),
    ]


def _also_kept(session: Session, run: Run) -> list[Part]:
    remarks = (Note(f"Remark of the run: {clean(text, 300)}") for text in remarks_of(session, run.id))
    return [*remarks, *_artifacts(session, run)]


def _left(run: Run, metric: MetricDefinition | None, asker: Asker, now: datetime) -> Facts:
    """What is shown of a run whose content is hidden or gone: who, when, which commit, and what was sealed."""
    pairs = [
        ("run", clean(run.name, 60)),
        ("id", run.id),
        ("project", run.project_id),
        ("owner", run.owner),
        ("state", state(run, asker, now)),
        ("received", f"{clock(run.received_at)} ({ago(now, run.received_at)})"),
        ("commit", run.commit_id or "none"),
    ]
    if _value(run, metric):
        pairs.insert(4, ("value", _value(run, metric)))
    if run.record_digest:
        pairs.append(("record", f"SHA-256 {run.record_digest}"))
    if run.sealed_leaf is not None:
        pairs.append(("log", f"leaf {run.sealed_leaf}"))
    return Facts(tuple(pairs), "What is left" if run.withdrawn == "deleted" else "What is shown")


def _value(run: Run, metric: MetricDefinition | None) -> str:
    if metric is None or run.headline is None:
        return ""
    step = f" at step {run.headline_step}" if run.headline_step is not None else ""
    return f"{read(run.headline, metric)} {metric.name}{step}"


def _about(
    run: Run, metric: MetricDefinition | None, known: Known, asker: Asker, now: datetime
) -> list[tuple[str, str]]:
    lasted = (run.finished_at or run.heard_at) - run.started_at
    pairs = [
        ("run", clean(run.name, 60)),
        ("id", run.id),
        ("project", run.project_id),
        ("owner", run.owner),
        ("value", _value(run, metric) or "none that counts"),
        ("state", state(run, asker, now) + (f" ({clean(run.error, 200)})" if run.error else "")),
        ("started", f"{clock(run.started_at)} by its own clock, ran {span(lasted.total_seconds())}"),
        ("received", f"{clock(run.received_at)} ({ago(now, run.received_at)})"),
        ("seed", clean(run.seed or "none recorded", 120)),
    ]
    if run.late:
        pairs.append(("late", "its points did not arrive while it ran"))
    if run.checked_at:
        pairs.append(("checked", f"{ago(now, run.checked_at)}: {passed_words(known)}"))
    return pairs + [(badge.word, badge.sentence) for badge in badges_of(run, metric, known)]


def _attempts(run: Run, again: Sequence[AttemptReport]) -> list[tuple[str, str]]:
    """How often it was started, and when again, by the clocks of the machines; with the day where it is another one."""
    if not again:
        return []
    starts = [datetime.fromtimestamp(each.report.started_ms / 1000, UTC) for each in again]
    same_day = {start.date() for start in starts} == {run.started_at.astimezone(UTC).date()}
    said = listed([start.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M") for start in starts], 6)
    return [("attempts", f"{len(again) + 1} · requeued {said} UTC")]


def _machine(session: Session, run: Run, series: Mapping[str, Series]) -> list[tuple[str, str]]:
    used = machine.use(session, run.id, series)
    return [("machine use", used)] if used else []


def _parameters(session: Session, run: Run) -> Facts:
    params = list(params_of(session, [run.id])[run.id].items())
    pairs = [(key, clean(text, 120)) for key, text in params[:_PARAMETERS_SHOWN]]
    if len(params) > _PARAMETERS_SHOWN:
        pairs.append(("…", f"and {len(params) - _PARAMETERS_SHOWN} more, in the report"))
    return Facts(tuple(pairs or [("none", "the run recorded an empty set of parameters")]), "Parameters")


def _code(report: RunReport) -> Facts:
    code = report.code
    pairs = [("commit", code.commit or "none"), ("branch", clean(code.branch or "none", 120))]
    if code.problem:
        pairs.append(("problem", clean(code.problem, 300)))
    pairs.append(("tree", code.tree or "none"))
    if code.dirty:
        changed = listed([clean(path, 80) for path in code.changed], 6)
        pairs.append(("uncommitted", f"{counted(len(code.changed), 'changed file')}: {changed}"))
    if code.left_out:
        pairs.append(("left out", listed([clean(path, 100) for path in code.left_out], 4)))
    if report.command.argv:
        pairs.append(("command", clean(" ".join(report.command.argv), 300)))
    if report.command.directory:
        pairs.append(("directory", clean(report.command.directory, 200)))
    return Facts(tuple(pairs), "Code")


def _environment(report: RunReport) -> Facts:
    about = report.environment
    gpus = Counter(gpu.name for gpu in about.gpus)
    pairs = [
        ("python", f"{about.python} ({about.implementation})"),
        ("system", clean(" ".join(part for part in (about.os, about.machine) if part) or "not recorded", 160)),
        ("cpu", clean(f"{about.cpu or 'unknown'}, {about.cpu_count or '?'} cores, {size(about.memory_bytes)}", 160)),
        ("gpu", listed([f"{count} × {clean(name, 60)}" for name, count in gpus.items()], 4) or "none"),
    ]
    if about.driver or about.cuda:
        pairs.append(("driver", f"{about.driver or 'unknown'}, CUDA {about.cuda or 'unknown'}"))
    pairs.append(("packages", f"{counted(len(about.packages), 'package')} with exact versions"))
    pairs.append(("lock files", listed(sorted(clean(path, 60) for path in about.lock_files), 4) or "none"))
    if report.seeds:
        seeds = [f"{clean(name, 40)}={clean(str(value), 40)}" for name, value in report.seeds.items()]
        pairs.append(("seeds seen", listed(seeds, 8)))
    return Facts(tuple(pairs), "Environment")


def _data(session: Session, run: Run) -> list[Part]:
    rows = tuple(
        (
            clean(each.name, 60),
            each.split or "",
            short(each.digest),
            "" if each.count is None else f"{each.count:,}",
            size(each.size) if each.size is not None else "",
            f"partial: {clean(each.partial, 80)}" if each.partial else "whole",
        )
        for each in datasets_of(session, run.id)
    )
    if not rows:
        return [Note("No dataset was declared.", "warn")]
    return [Table(("dataset", "split", "digest", "count", "size", "covers"), rows, title="Data")]


def _values(found: Mapping[str, Series], metric: MetricDefinition | None) -> list[Part]:
    if not found:
        return [Note("No metric was logged.", "warn")]
    rows = tuple(_row(series, metric) for series in list(found.values())[:15])
    return [
        Table(
            ("metric", "last", "smallest", "largest", "points"),
            rows,
            title="Metrics",
            align=("left", "right", "right", "right", "right"),
            cut=max(0, len(found) - 15),
        )
    ]


def _row(series: Series, metric: MetricDefinition | None) -> tuple[str, str, str, str, str]:
    defined = metric if metric is not None and metric.name == series.metric else None

    def cell(value: float | None, step: int | None) -> str:
        if value is None:
            return "none"
        said = read(value, defined)
        return said if step is None else f"{said} @ {step}"

    kinds = {"nan": "NaN", "+inf": "Infinity", "-inf": "-Infinity"}
    last = kinds.get(series.last_kind) or cell(series.last, None)
    return (
        series.metric,
        last if series.last_step is None else f"{last} @ {series.last_step}",
        cell(series.best_low, series.best_low_step),
        cell(series.best_high, series.best_high_step),
        f"{series.count:,}" + (f" ({series.not_finite} not finite)" if series.not_finite else ""),
    )


def _earlier(session: Session, run: Run, now: datetime) -> list[Part]:
    """Runs before it that were the same; running again is legitimate, so this blames nobody."""
    found = earlier(session, run)
    data = {True: "same data", False: "other data", None: "data not known to be the same"}
    said = [
        f"{clean(each.run.name, 40)} ({each.run.owner}, {ago(now, each.run.received_at)}, {data[each.same_data]})"
        for each in found
    ]
    return [Note(f"The same code, parameters and seeds ran before: {listed(said)}.")] if said else []


def _tries(session: Session, run: Run, metric: MetricDefinition | None, asker: Asker, now: datetime) -> list[Part]:
    same = tries(session, run.project_id, run.config_digest, metric, asker, now)
    whole = tally(session, scope(session, asker, session.get_one(Project, run.project_id)), asker, now)
    board = f"On the whole board: {whole}. Runs never registered cannot be counted."
    return [Note(tries_said(same, metric, best=False)), Note(board)]


def _artifacts(session: Session, run: Run) -> list[Part]:
    found = artifacts_of(session, run.id)
    if not found:
        return []
    rows = tuple(
        (clean(each.name, 60), short(each.digest), size(each.size), "" if each.step is None else str(each.step))
        for each in found[:15]
    )
    table = Table(("artifact", "digest", "size", "step"), rows, title="Artifacts", cut=max(0, len(found) - 15))
    counts = run.headline_step
    others = [each for each in found if counts is not None and each.step not in (None, counts)]
    said = listed([f"{clean(each.name, 60)} is of step {each.step}" for each in others], 3)
    return [table, Note(f"{said}; the value that counts is of step {counts}.")] if others else [table]

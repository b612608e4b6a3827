"""Everything the registry keeps of one run, what stands in its way first."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from registry.curves import charts_of_run
from registry.find import find_run
from registry.kept import (
    artifacts_of,
    datasets_of,
    findings_of,
    headline_metric,
    params_of,
    remarks_of,
    report_of,
    result_of,
    series_of,
    siblings_of,
)
from registry.numbers import ago, clean, clock, counted, listed, plain, short, shown, size, span
from registry.ranking import spread
from registry.standing import state, verdict_notes, why_not
from registry.tables import Finding, MetricDefinition, Run, Series
from registry.words import RunRef
from trackrecord.answer import Answer, Facts, FollowUp, Link, Note, Part, Table, Tone
from trackrecord.report import RunReport

_PARAMETERS_SHOWN = 40
_TONES: dict[str, Tone] = {"verified": "good", "unverified": "warn", "refuted": "bad"}


def show(session: Session, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """One run in full: verdict and what it lacks, parameters, code, environment, data, history, tries.

    A run is named by its name, its id, or the first letters of its id.
    """
    kept = find_run(session, asker, run)
    metric = headline_metric(session, kept)
    findings = findings_of(session, [kept.id])[kept.id]
    report = report_of(kept)
    parts: list[Part] = [
        *verdict_notes(kept, metric, findings, asker, now),
        _about(kept, metric, findings, asker, now),
        _parameters(session, kept),
        _code(report),
        _environment(report),
        *_data(session, kept),
        *_values(session, kept, metric),
        *charts_of_run(session, kept, metric),
        *_tries(session, kept, metric),
        *(Note(f"Remark of the run: {clean(text, 300)}") for text in remarks_of(session, kept.id)),
        *_artifacts(session, kept),
        Link(f"Page of {clean(kept.name, 40)}", f"/runs/{kept.id}"),
    ]
    value = _value(kept, metric)
    name = clean(kept.name, 40)
    standing = why_not(kept, metric, findings, asker, now)
    return Answer(
        title=f"{name}: {kept.verdict}" + (f", {value}" if value else ""),
        text=f"{name} by {kept.owner} in {kept.project_id}: {kept.verdict}, {state(kept, asker, now)}"
        + (f", {value}" if value else "")
        + (f". It does not count: {standing}." if standing else "."),
        parts=tuple(parts),
        tone=_TONES.get(kept.verdict, "plain"),
        follow_ups=(
            FollowUp("Reproduce it", "repro", kept.name),
            FollowUp("Best of the project", "best", kept.project_id),
            *((FollowUp("Check again", "recheck", kept.name),) if kept.verdict != "verified" else ()),
        ),
    )


def _value(run: Run, metric: MetricDefinition | None) -> str:
    if metric is None or run.headline is None:
        return ""
    step = f" at step {run.headline_step}" if run.headline_step is not None else ""
    return f"{shown(run.headline, metric.percent, metric.decimals)} {metric.name}{step}"


def _about(run: Run, metric: MetricDefinition | None, findings: list[Finding], asker: Asker, now: datetime) -> Facts:
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
        passes = sum(finding.outcome == "pass" for finding in findings)
        pairs.append(("checked", f"{ago(now, run.checked_at)}: {passes} of {counted(len(findings), 'check')} passed"))
    return Facts(tuple(pairs))


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


def _values(session: Session, run: Run, metric: MetricDefinition | None) -> list[Part]:
    found = series_of(session, [run.id])[run.id]
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
    percent = metric is not None and metric.percent and metric.name == series.metric
    decimals = metric.decimals if metric is not None else 2

    def read(value: float | None, step: int | None) -> str:
        if value is None:
            return "none"
        said = shown(value, True, decimals) if percent else plain(value)
        return said if step is None else f"{said} @ {step}"

    kinds = {"nan": "NaN", "+inf": "Infinity", "-inf": "-Infinity"}
    last = kinds.get(series.last_kind) or read(series.last, None)
    return (
        series.metric,
        last if series.last_step is None else f"{last} @ {series.last_step}",
        read(series.best_low, series.best_low_step),
        read(series.best_high, series.best_high_step),
        f"{series.count:,}" + (f" ({series.not_finite} not finite)" if series.not_finite else ""),
    )


def _tries(session: Session, run: Run, metric: MetricDefinition | None) -> list[Part]:
    siblings = siblings_of(session, run)
    if len(siblings) < 2:
        return [Note("This configuration (code and parameters up to the seed) was tried once.")]
    words = Counter(each.verdict if each.state == "finished" else each.state for each in siblings)
    said = ", ".join(f"{count} {word}" for word, count in words.most_common())
    text = f"This configuration (code and parameters up to the seed) was tried {len(siblings)} times: {said}."
    seen = spread([result for each in siblings if (result := result_of(each, metric))])
    if metric is not None and seen is not None and seen.std is not None:
        mean, std = (shown(value, metric.percent, metric.decimals) for value in (seen.mean, seen.std))
        text += f" {metric.name} of the verified ones: {mean} ±{std.removesuffix(' %')} over {seen.count}."
    return [Note(text)]


def _artifacts(session: Session, run: Run) -> list[Part]:
    found = artifacts_of(session, run.id)
    if not found:
        return []
    rows = tuple(
        (clean(each.name, 60), short(each.digest), size(each.size), "" if each.step is None else str(each.step))
        for each in found[:15]
    )
    return [Table(("artifact", "digest", "size", "step"), rows, title="Artifacts", cut=max(0, len(found) - 15))]

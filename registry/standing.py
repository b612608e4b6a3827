"""PURE: where a run stands, in words, and why it does not count where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from registry.asker import Asker
from registry.numbers import clean, counted, span
from registry.tables import Finding, MetricDefinition, Run
from trackrecord.answer import Note, Part, Tone

# What a verified number is and is not; said wherever one is shown as a result.
SELF_REPORTED = (
    "The number is the run's own report; the registry checked who, when, which code, which data and that nothing "
    "changed since."
)


def is_silent(run: Run, asker: Asker, now: datetime) -> bool:
    """Still running by its own word, but not heard of for too long."""
    return run.state == "running" and (now - run.heard_at).total_seconds() > asker.silent_after_s


def state(run: Run, asker: Asker, now: datetime) -> str:
    """running, silent, finished, failed or killed."""
    return "silent" if is_silent(run, asker, now) else run.state


def counts(run: Run, metric: MetricDefinition | None) -> bool:
    """Whether it may be a best run: ended well, verified, with a finite value by the project's current definition."""
    return (
        metric is not None
        and run.state == "finished"
        and run.verdict == "verified"
        and not run.withdrawn
        and not run.quarantined
        and run.headline is not None
        and run.metric_id == metric.id
    )


def why_not(run: Run, metric: MetricDefinition | None, findings: Sequence[Finding], asker: Asker, now: datetime) -> str:
    """Why it does not count, in a sentence without its full stop; empty where it counts. `findings` as `kept` sorts."""
    if metric is not None and counts(run, metric):
        return ""
    if run.withdrawn:
        return f"was {run.withdrawn}"
    if run.state == "running":
        waited = span((now - run.heard_at).total_seconds())
        return f"silent, not heard of for {waited}" if is_silent(run, asker, now) else "still running"
    bad = [finding for finding in findings if finding.outcome != "pass"]
    if bad and bad[0].refutes:
        return f"refuted: {_reason(bad[0])}"
    if run.state in ("failed", "killed"):
        said = f": {clean(run.error, 120)}" if run.error else ""
        return f"{run.state} before it was done{said}"
    if bad:
        return _reason(bad[0])
    if run.checked_at is None:
        return "not checked yet"
    if metric is None:
        return "the project defines no metric"
    if run.headline is None:
        return f"has no finite value of {metric.name}"
    if run.metric_id != metric.id:
        return f"was judged by an older definition of {metric.name}"
    return "not verified"


def mend(run: Run, findings: Sequence[Finding], asker: Asker) -> str:
    """What to do about it; empty where there is nothing to do or nothing known."""
    for finding in findings:
        if finding.outcome != "pass" and finding.mend:
            return clean(finding.mend, 300)
    if run.state in ("failed", "killed"):
        return "Only runs that end well count: run it again."
    if run.state == "running":
        return "Wait until it ends; trackrecord sync sends what is still on its machine."
    if run.checked_at is None:
        return "The checks run by themselves within seconds."
    return f"Look again: {asker.command('recheck', run.name)}" if run.verdict != "verified" else ""


def verdict_notes(
    run: Run, metric: MetricDefinition | None, findings: Sequence[Finding], asker: Asker, now: datetime
) -> list[Part]:
    """The verdict in a sentence, then a note for every finding that is not a pass: reason and mend."""
    bad = [finding for finding in findings if finding.outcome != "pass"]
    tone: Tone = "good" if run.verdict == "verified" else ("bad" if run.verdict == "refuted" else "warn")
    said = f"{run.verdict.capitalize()}: {len(findings) - len(bad)} of {counted(len(findings), 'check')} passed."
    if not findings:
        said = f"{run.verdict.capitalize()}: nothing was checked yet."
    reason = why_not(run, metric, findings, asker, now)
    if reason and not (bad and reason == _reason(bad[0])):
        said += f" It does not count as a best run: {reason}."
    notes: list[Part] = [Note(said, tone)]
    for finding in bad:
        word = {"fail": "failed", "unknown": "could not be told"}[finding.outcome]
        check = finding.check_name.replace("_", " ")
        text = f"{check}: {word}{' and contradicts the report' if finding.refutes else ''}. {_reason(finding)}."
        notes.append(Note(f"{text} {clean(finding.mend, 400)}".rstrip(), "bad" if finding.refutes else "warn"))
    return notes


def _reason(finding: Finding) -> str:
    return clean(finding.reason, 200).rstrip(".")

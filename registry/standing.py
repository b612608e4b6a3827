"""PURE: where a run stands, in words, and why it does not count where it does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.asker import Asker
from registry.numbers import clean, clock, counted, span
from registry.tables import Correction, Finding, MetricDefinition, Placing, Run
from trackrecord.answer import Note, Part, Tone

HIDDEN, GONE = "hidden", "deleted"  # in the place of what a run holds, where it is not shown
_HIDING = "no_secrets"  # the check by which a run is hidden


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a run beside its own row. `findings` as `kept` sorts them.

    `said`: the correction that weighs most; `instead`: the name of the run that counts in its place. `judged`: the
    definition that it was judged by last. `placings`: its place on each board, by the definition's number. `minimum`:
    what its project asks of a run on a board.
    """

    findings: Sequence[Finding] = ()
    said: Correction | None = None
    instead: str = ""
    judged: MetricDefinition | None = None
    placings: Mapping[int | None, Placing] | None = None
    minimum: str = "verified"

    def place(self, metric: MetricDefinition | None) -> Placing | None:
        return self.placings.get(metric.id) if self.placings and metric is not None else None

    @property
    def asked(self) -> list[Finding]:
        """The findings that count by the project's rules."""
        return [finding for finding in self.findings if finding.asked]


def is_silent(run: Run, asker: Asker, now: datetime) -> bool:
    """Still running by its own word, but not heard of for too long."""
    return run.state == "running" and (now - run.heard_at).total_seconds() > asker.silent_after_s


def state(run: Run, asker: Asker, now: datetime) -> str:
    """running, silent, finished, failed or killed."""
    return "silent" if is_silent(run, asker, now) else run.state


def word(run: Run) -> str:
    """The one word for it: superseded, invalidated, deleted; else its verdict."""
    return run.withdrawn or run.verdict


def is_open(run: Run) -> bool:
    """Whether what the run holds may be shown: it is neither hidden nor deleted."""
    return not run.quarantined and run.withdrawn != "deleted"


def in_its_place(run: Run) -> str:
    """The word that stands where something of the run is not shown."""
    return GONE if run.withdrawn == "deleted" else HIDDEN


def counts(run: Run, metric: MetricDefinition | None, known: Known) -> bool:
    """Whether it ranks on the board of a definition that counts now; as `results.placed` asks the database."""
    place = known.place(metric)
    return (
        metric is not None
        and metric.current
        and place is not None
        and place.verdict == "verified"
        and place.headline is not None
        and math.isfinite(place.headline)
        and run.state == "finished"
        and run.verdict != "refuted"
        and not run.withdrawn
        and not run.quarantined
        and not _below(run, place, known.minimum)
    )


def _below(run: Run, place: Placing, minimum: str) -> str:
    """What it lacks of the project's minimum; empty: nothing."""
    if minimum == "live" and not run.live:
        return "its history did not arrive while it ran, and the project ranks live runs only"
    if minimum == "recomputed" and place.recomputed is None:
        return "the registry did not compute its value itself, and the project ranks recomputed values only"
    return ""


def why_not(run: Run, metric: MetricDefinition | None, known: Known, asker: Asker, now: datetime) -> str:
    """Why it does not count, in a sentence without its full stop; empty where it counts."""
    if counts(run, metric, known):
        return ""
    if run.withdrawn:
        return withdrawn_words(run, known)
    if run.quarantined:
        return hidden_words(known)
    if run.state == "running":
        waited = span((now - run.heard_at).total_seconds())
        return f"silent, not heard of for {waited}" if is_silent(run, asker, now) else "still running"
    bad = [finding for finding in known.asked if finding.outcome != "pass"]
    if bad and bad[0].refutes:
        return f"refuted: {_reason(bad[0])}"
    if run.state in ("failed", "killed"):
        said = f": {clean(run.error, 120)}" if run.error else ""
        return f"{run.state} before it was done{said}"
    if bad:
        return _reason(bad[0])
    if run.checked_at is None:
        return "not checked yet"
    return _off_the_board(run, metric, known)


def withdrawn_words(run: Run, known: Known) -> str:
    """ "superseded by brave-otter-42, says ada: wrong seed", "invalidated by ada: wrong labels"."""
    said = known.said
    if said is None or said.what != run.withdrawn:
        return f"was {run.withdrawn}"
    by, reason = clean(said.by, 40), clean(said.reason, 160).rstrip(".")
    if said.what != "superseded":
        return f"{said.what} by {by}: {reason}"
    return f"superseded{f' by {known.instead}' if known.instead else ''}, says {by}: {reason}"


def hidden_words(known: Known) -> str:
    """Why the content of a quarantined run is not shown: where the secret is, never what."""
    found = next((each for each in known.findings if each.check_name == _HIDING and each.outcome != "pass"), None)
    where = (
        _reason(found).removesuffix("; the run's content is hidden") if found else "What looks like a secret is in it"
    )
    return f"{where[:1].lower()}{where[1:]}: the run's content is hidden"


def _off_the_board(run: Run, metric: MetricDefinition | None, known: Known) -> str:
    """Every check that counts has passed; what keeps it off this definition's board?"""
    if metric is None:
        return "the project defines no metric"
    judged, place = known.judged, known.place(metric)
    if not metric.current:
        return f"judged by an older definition of {metric.name} (version {metric.version})"
    if place is None:
        if judged is not None and judged.name == metric.name and judged.id != metric.id:
            return (
                f"judged by an older definition of {metric.name} "
                f"(version {judged.version}; version {metric.version} counts now)"
            )
        return f"not judged by this definition of {metric.name} yet"
    if place.headline is None:
        return f"has no finite value of {metric.name}"
    return _below(run, place, known.minimum) or f"is not verified as a value of {metric.name}"


def mend(run: Run, known: Known, asker: Asker) -> str:
    """What to do about it; empty where there is nothing to do or nothing known."""
    if run.withdrawn:
        if known.instead:
            return f"Look at the one that counts: {asker.command('show', known.instead)}"
        return "Mend what was wrong and run again." if run.withdrawn == "invalidated" else ""
    for finding in known.asked:
        told = finding.outcome != "pass" and finding.mend
        if told and (not run.quarantined or finding.check_name == _HIDING):
            return clean(finding.mend, 300)
    if run.state in ("failed", "killed"):
        return "Only runs that end well count: run it again."
    if run.state == "running":
        return "Wait until it ends; trackrecord sync sends what is still on its machine."
    if run.checked_at is None:
        return "The checks run by themselves within seconds."
    return f"Look again: {asker.command('recheck', run.name)}" if run.verdict != "verified" else ""


def verdict_notes(run: Run, metric: MetricDefinition | None, known: Known, asker: Asker, now: datetime) -> list[Part]:
    """The verdict in a sentence, then a note for every finding that is not a pass: reason and mend.

    What was said about the run since comes first. Of a hidden run only the finding that hid it is told.
    """
    if run.withdrawn == "deleted":
        said = f"{_dated(run, known)} What the run held is gone. That it was tried stays counted."
        return [Note(said, "bad")]
    notes: list[Part] = []
    if run.withdrawn:
        notes.append(Note(f"{_dated(run, known)} It does not count any more.", "bad"))
    notes.append(_summed_up(run, metric, known, asker, now))
    for finding in known.findings:
        told = not run.quarantined or finding.check_name == _HIDING
        if finding.outcome != "pass" and told and not (run.withdrawn and finding.check_name == "standing"):
            notes.append(_note(finding))
    return notes


def _summed_up(run: Run, metric: MetricDefinition | None, known: Known, asker: Asker, now: datetime) -> Note:
    bad = [finding for finding in known.asked if finding.outcome != "pass"]
    tone: Tone = "good" if run.verdict == "verified" else ("bad" if run.verdict == "refuted" else "warn")
    said = f"{run.verdict.capitalize()}: {passed_words(known)}."
    if not known.findings:
        said = f"{run.verdict.capitalize()}: nothing was checked yet."
    reason = why_not(run, metric, known, asker, now)
    if reason and not run.withdrawn and not (bad and reason == _reason(bad[0])):
        said += f" It does not count as a best run: {reason}."
    return Note(said, tone)


def passed_words(known: Known) -> str:
    """How many of the checks that the project asks for passed, and how many it does not ask for."""
    asked = known.asked
    passes = sum(finding.outcome == "pass" for finding in asked)
    others = len(known.findings) - len(asked)
    more = f" ({others} more not asked for by the project's rules)" if others else ""
    return f"{passes} of {counted(len(asked), 'check')} passed{more}"


def _note(finding: Finding) -> Note:
    outcome = {"fail": "failed", "unknown": "could not be told"}[finding.outcome]
    check = finding.check_name.replace("_", " ")
    if not finding.asked:
        return Note(f"{check}: {outcome}; not asked for by the project's rules. {_reason(finding)}.")
    text = f"{check}: {outcome}{' and contradicts the report' if finding.refutes else ''}. {_reason(finding)}."
    return Note(f"{text} {clean(finding.mend, 400)}".rstrip(), "bad" if finding.refutes else "warn")


def _reason(finding: Finding) -> str:
    return clean(finding.reason, 200).rstrip(".")


def _dated(run: Run, known: Known) -> str:
    """What was said of it and when, as a sentence."""
    text = withdrawn_words(run, known)
    when = f" ({clock(known.said.at)})" if known.said is not None else ""
    return f"{text[:1].upper()}{text[1:]}{when}."

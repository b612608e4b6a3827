"""What was said about a run afterwards: verdict, findings, places on boards, corrections; each against the log."""

from __future__ import annotations

from typing import Any, cast, get_args

from sqlmodel import Session, col, select

from registry import facts, history, receipts
from registry.doctor.found import Entry, Examined, log_began, written
from registry.doctor.runs import Said
from registry.keeping import places_of
from registry.kept import metric_facts
from registry.statements import decimal, digest_of
from registry.tables import Checkpoint, Correction, Finding, MetricDefinition, Placing, Receipt, Run
from trackrecord.report import Withdrawal

_MEANS = "The run is shown as something that it was not judged to be."
_WEIGHT = {word: at for at, word in enumerate(("", *get_args(Withdrawal)))}


def of_run(session: Session, run: Run, said: Said, found: Examined, where: str) -> None:
    """Everything but its own content."""
    _corrected(session, run, said, found, where)
    verdicts = said["verdict"]
    query = select(Receipt.id).where(Receipt.run_id == run.id).order_by(col(Receipt.number))
    there, named = list(session.exec(query)), [entry.body.get("receipt") for entry in verdicts]
    found.same(where, "Its receipts are not those that the log names.", there, named, "A verdict is hidden.")
    if not verdicts:
        return _unjudged(session, run, found, where)
    _covered(session, run, found, where)
    if run.withdrawn == "deleted":
        return _forgotten(session, run, verdicts[-1], found, where)
    newest = receipts.newest(session, run.id)
    if newest is not None:
        _judged(session, run, verdicts[-1], receipts.statement_of(newest), found, where)
        _found(session, run, verdicts[-1], receipts.statement_of(newest), found, where)
    _placed(session, run, verdicts, found, where)
    return None


def _corrected(session: Session, run: Run, said: Said, found: Examined, where: str) -> None:
    rows = session.exec(select(Correction).where(Correction.run_id == run.id).order_by(col(Correction.leaf)))
    kept = [(row.leaf, row.what, row.reason, row.by, row.instead, written(row.at)) for row in rows]
    logged = [(entry.number, *entry.get("what", "reason", "by", "instead", "at")) for entry in said["correction"]]
    found.same(where, "What was said about it is not what the log says.", kept, logged, _MEANS)
    gravest = max(("", *(str(entry.body["what"]) for entry in said["correction"])), key=lambda word: _WEIGHT[word])
    found.same(where, "Whether it stands is not what the log says.", run.withdrawn, gravest, _MEANS)


def _unjudged(session: Session, run: Run, found: Examined, where: str) -> None:
    """Without a receipt a run that ended was never judged, unless there was no log when it was."""
    early = run.check_at is not None and written(run.checked_at or run.received_at) < log_began(session)  # type: ignore[operator]
    if run.sealed_leaf is not None and not early:
        found.say(where, "It was sealed, and the log has no verdict about it.", _MEANS)
    if run.verdict == "verified" and not early and run.withdrawn != "deleted":
        found.say(where, "It is called verified, and there is no receipt that says so.", _MEANS)
    times = set(session.exec(select(Finding.at).where(Finding.run_id == run.id)))
    if run.withdrawn == "deleted" or early:
        return
    found.same(where, "Its findings are of another time.", times, {run.checked_at} - {None}, _MEANS)
    if run.checked_at is None:
        kept = (run.verdict, run.metric_id, run.headline, run.headline_step, run.live, run.quarantined)
        means = "Nobody has judged it."
        found.same(where, "It is shown as judged.", kept, ("unverified", None, None, None, False, False), means)


def _covered(session: Session, run: Run, found: Examined, where: str) -> None:
    newest = session.exec(select(Checkpoint.size).order_by(col(Checkpoint.size).desc()).limit(1)).first() or 0
    if run.sealed_leaf is not None and run.sealed_leaf >= newest:
        found.say(where, "No checkpoint covers what was sealed.", "A checkpoint is gone that there was.")


def _judged(session: Session, run: Run, verdict: Entry, statement: dict[str, Any], found: Examined, where: str) -> None:
    """The columns that are shown and ranked by, against the entry and the newest receipt, which is named there."""
    metric = session.get(MetricDefinition, run.metric_id) if run.metric_id is not None else None
    name = None if metric is None else f"{metric.name}@{metric.version}"
    if run.metric_id is not None and (metric is None or metric.project_id != run.project_id):
        found.say(where, "It was judged by a metric that its project does not have.", _MEANS)
    signed, badges = statement["predicate"]["x_trackrecord"], statement["predicate"]["properties"]
    step = None if run.headline_step is None else str(run.headline_step)
    kept = (run.verdict, name, decimal(run.headline), run.record_digest, step, run.live, run.name)
    said = (*verdict.get("verdict", "metric", "headline", "record"), (signed["metric"] or {}).get("step"))
    found.same(
        where,
        "It is shown with another verdict or value than its receipt has.",
        kept,
        (*said, "TRACKRECORD_LIVE" in badges, signed["name"]),
        _MEANS,
    )
    if metric is not None:
        value = history.headline(session, run.id, metric_facts(metric))
        found.same(where, "Its value is not that of its points.", (run.headline, run.headline_step), value, _MEANS)


def _found(session: Session, run: Run, verdict: Entry, statement: dict[str, Any], found: Examined, where: str) -> None:
    """What the checks said last; whether the project asked for it, and when, stands in the receipt and on the run."""
    rows = session.exec(select(Finding).where(Finding.run_id == run.id)).all()
    said = {row.check_name: facts.Finding(cast(Any, row.outcome), row.reason, row.mend, row.refutes) for row in rows}
    means = "The reasons that are shown for its verdict are others than were found."
    found.same(where, "Its findings are not those in the log.", digest_of(said), verdict.body.get("findings"), means)
    not_asked = {
        text.split(":", 1)[0]
        for text in statement["predicate"]["x_trackrecord"]["notChecked"]
        if ": the project does not ask for it" in text
    }
    unasked = {row.check_name for row in rows if not row.asked}
    found.same(where, "Other checks count for it than its receipt says.", unasked, not_asked, means)
    times = {row.at for row in rows} | {run.checked_at}
    found.same(where, "Its findings are of different times.", len(times), 1, means)
    secret = any(row.check_name == "no_secrets" and row.outcome == "fail" for row in rows)
    found.same(where, "It is hidden, or shown, against what was found.", run.quarantined, secret, means)


def _placed(session: Session, run: Run, verdicts: list[Entry], found: Examined, where: str) -> None:
    """Of each board the newest entry that says where the run stood: those of closed boards stay as they were."""
    newest: dict[str, dict[str, Any]] = {}
    for entry in verdicts:
        newest |= {place["metric"]: place for place in entry.body.get("places", [])}
    rows = {row.metric_id: row for row in session.exec(select(Placing).where(Placing.run_id == run.id))}
    kept = {str(place["metric"]): place for place in places_of(session, run.id, rows.keys())}
    means = "It would rank where it does not, or not where it does."
    found.same(where, "Its places on boards are not those in the log.", kept, newest, means)
    if len(kept) != len(rows):
        found.say(where, "It has a place on a board that there is not.", means)
    now = {place["metric"] for place in verdicts[-1].body.get("places", [])}
    query = select(MetricDefinition).where(col(MetricDefinition.id).in_(rows))
    for metric in session.exec(query):
        name, at = f"{metric.name}@{metric.version}", rows[metric.id or 0].at
        in_time = at == run.checked_at if name in now else run.checked_at is not None and at <= run.checked_at
        if metric.project_id != run.project_id or not in_time:
            found.say(where, f"Its place by {name} is of another time or project.", means)


def _forgotten(session: Session, run: Run, verdict: Entry, found: Examined, where: str) -> None:
    """A deleted run is unverified once that was looked at, and has no value on any board."""
    if run.verdict != "unverified" and (run.check_at is None or run.verdict != verdict.body.get("verdict")):
        found.say(where, "It was deleted, and has a verdict.", _MEANS)
    rows = session.exec(select(Placing).where(Placing.run_id == run.id)).all()
    if any((row.headline, row.headline_step, row.recomputed) != (None, None, None) for row in rows):
        found.say(where, "It was deleted, and has a value on a board.", _MEANS)
    if any(row.verdict != run.verdict for row in rows):
        found.say(where, "It was deleted, and is on a board.", _MEANS)

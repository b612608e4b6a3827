"""Runs: what scripts send, and what is kept of it."""

from __future__ import annotations

import json
import math
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query, Response
from sqlmodel import Session

from registry import corrections, history, record
from registry.api.door import Body, Door, Doors, Who, clock, need
from registry.api.shapes import (
    Corrected,
    CorrectionShown,
    EarlierShown,
    FindingShown,
    Headline,
    HistoryShown,
    Opened,
    RunFound,
    RunId,
    RunShown,
    Sequence,
    Writer,
    takes,
)
from registry.bodies import read
from registry.bounds import batch_bounds, correction_bounds, finish_bounds, run_bounds
from registry.earlier import earlier
from registry.find import definitions, find_run
from registry.kept import findings_of, headline_metric
from registry.numbers import ago
from registry.numbers import read as shown
from registry.record import Kept
from registry.standing import state, word
from registry.tables import MetricDefinition, Project, Run
from registry.tokens import Caller
from trackrecord.errors import TrackrecordError
from trackrecord.report import METRIC, BatchReport, CorrectionReport, FinishReport, RunReport, Value, Withdrawal

router = APIRouter(prefix="/runs", tags=["runs"])


@router.put("/{run_id}", status_code=201, openapi_extra=takes(RunReport), responses={200: {"model": Opened}})
def open_run(run_id: RunId, body: Body, caller: Who, door: Doors, response: Response) -> Opened:
    """Register a run when it starts. The same body again is answered 200, another one 409."""
    report = read(body, RunReport, run_bounds)
    kept = door.write(lambda session: record.open_run(session, caller, run_id, report, body, clock()))
    _no_other(kept, "The run was registered with another report.", "A run's report never changes; make a new run.")
    if kept == "again":
        response.status_code = 200
    return Opened(run_id, report.name, _url(door, run_id), door.read(lambda session: _earlier(session, door, run_id)))


@router.put("/{run_id}/batches/{writer}/{sequence}", openapi_extra=takes(BatchReport))
def add_batch(
    run_id: RunId, writer: Writer, sequence: Sequence, body: Body, caller: Who, door: Doors
) -> dict[str, str]:
    """Add points, datasets, artifacts and notes. They may arrive in any order, and again; never with other content."""
    batch = read(body, BatchReport, batch_bounds)
    kept = door.write(lambda session: record.add_batch(session, caller, run_id, writer, sequence, batch, body, clock()))
    _no_other(kept, "This batch was sent before with other content; that is kept as evidence.", "Never change a batch.")
    return {}


@router.put("/{run_id}/finish", openapi_extra=takes(FinishReport))
def finish(run_id: RunId, body: Body, caller: Who, door: Doors) -> dict[str, str]:
    """Seal the run; its checks follow at once. Nothing is added afterwards."""
    report = read(body, FinishReport, finish_bounds)
    kept = door.write(lambda session: record.finish(session, caller, run_id, report, body, clock()))
    _no_other(kept, "The run has ended already, in another way.", "A run ends once.")
    return {}


@router.get("")
def find(
    caller: Who,
    door: Doors,
    named: Annotated[str, Query(max_length=500, description="Its name, id, the start of its id, or its page.")],
) -> RunFound:
    """The run that is meant by a name. 409 where several are; the words say which."""

    def found(session: Session) -> RunFound:
        run = find_run(session, door.asker(caller), named)
        return RunFound(run.id, run.name, run.project_id, run.owner)

    return door.read(found)


@router.post(
    "/{run_id}/corrections",
    status_code=201,
    openapi_extra=takes(CorrectionReport),
    responses={200: {"model": Corrected, "description": "It was said before; nothing changed."}},
)
def correct(run_id: RunId, body: Body, caller: Who, door: Doors, response: Response) -> Corrected:
    """Say that the run is superseded, invalidated or deleted. A run is never edited, and this cannot be taken back."""
    report = read(body, CorrectionReport, correction_bounds)
    silent_after_s = door.settings.silent_after_s
    new = door.write(
        lambda session: corrections.correct(session, caller, run_id, report, clock(), silent_after_s=silent_after_s)
    )
    if not new:
        response.status_code = 200
    return door.read(lambda session: _corrected(session, visible(session, caller, run_id)))


@router.get("/{run_id}")
def show_run(run_id: RunId, caller: Who, door: Doors) -> RunShown:
    """What is kept of a run: where it stands, what the checks said, and the report as it arrived."""
    return door.read(lambda session: _shown(session, door, caller, visible(session, caller, run_id)))


@router.post("/{run_id}/recheck", status_code=202)
def recheck(run_id: RunId, caller: Who, door: Doors) -> dict[str, str]:
    """Have the checks look again, as soon as possible."""
    door.write(lambda session: record.ask_again(session, visible(session, caller, run_id), clock()))
    return {}


@router.get("/{run_id}/history")
def show_history(
    run_id: RunId,
    caller: Who,
    door: Doors,
    metric: Annotated[str, Query(pattern=METRIC)],
    points: Annotated[int, Query(ge=2, le=20_000, description="About how many points are wanted.")] = 1_000,
) -> HistoryShown:
    """One metric's history, thinned so that the line drawn from it stays the same; the best and last point stay in."""
    return door.read(lambda session: _history(session, visible(session, caller, run_id), metric, points))


def visible(session: Session, caller: Caller, run_id: str) -> Run:
    """The run. Raises TrackrecordError: 404 also where the token does not open its project."""
    run = session.get(Run, run_id)
    if run is None or not caller.may("reader", run.project_id):
        raise TrackrecordError("There is no such run.", "Ask for the latest ones: recent.", status=404)
    need(caller, "reader", run.project_id)
    return run


def _shown(session: Session, door: Door, caller: Caller, run: Run) -> RunShown:
    metric = session.get(MetricDefinition, run.metric_id) if run.metric_id is not None else None
    headline = None
    if metric is not None and run.headline is not None:
        headline = Headline(metric.name, run.headline, run.headline_step)
    return RunShown(
        run=run.id,
        name=run.name,
        project=run.project_id,
        owner=run.owner,
        state=state(run, door.asker(caller), clock()),
        verdict=run.verdict,
        checked=run.checked_at is not None,
        url=_url(door, run.id),
        headline=headline,
        findings=[
            FindingShown(row.check_name, row.outcome, row.refutes, row.reason, row.mend)
            for row in findings_of(session, [run.id]).get(run.id, [])
            if not run.quarantined or row.check_name == "no_secrets"  # the others quote what the run holds
        ],
        withdrawn=run.withdrawn,
        corrections=_corrected(session, run).corrections,
        report={} if run.quarantined else json.loads(run.report),
    )


def _corrected(session: Session, run: Run) -> Corrected:
    rows = corrections.corrections_of(session, [run.id]).get(run.id, [])
    said = [
        CorrectionShown(cast(Withdrawal, row.what), row.reason, row.instead, row.by, row.at, row.leaf) for row in rows
    ]
    return Corrected(run.id, run.withdrawn, said)


def _history(session: Session, run: Run, metric: str, points: int) -> HistoryShown:
    known = definitions(session, session.get_one(Project, run.project_id))
    direction = next((row.direction for row in known if row.name == metric), "higher")
    whole = history.read(session, run.id, metric)
    if not len(whole):
        raise TrackrecordError("The run has no such metric.", status=404)
    thin = history.thin(whole, max(1, points // 2), cast(Literal["higher", "lower"], direction))
    return HistoryShown(
        metric,
        thin.steps.tolist(),
        thin.times.tolist(),
        [_written(value) for value in thin.values.tolist()],
        len(whole),
    )


def _written(value: float) -> Value:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _earlier(session: Session, door: Door, run_id: str) -> EarlierShown | None:
    for found in earlier(session, session.get_one(Run, run_id), most=1):
        run = found.run
        value = "none" if run.headline is None else shown(run.headline, headline_metric(session, run))
        return EarlierShown(run.id, run.name, _url(door, run.id), ago(clock(), run.received_at), value, word(run))
    return None


def _no_other(kept: Kept, message: str, hint: str) -> None:
    # Here the transaction has ended, and what it kept as evidence is kept.
    if kept == "other":
        raise TrackrecordError(message, hint, status=409)


def _url(door: Door, run_id: str) -> str:
    return f"{door.settings.base_url}/runs/{run_id}"

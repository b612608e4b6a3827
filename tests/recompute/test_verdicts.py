"""From uploaded labels to the verdict: the registry's own value confirms the reported one, or refutes it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry.db import reading
from registry.tables import Placing
from tests.api.scene import batch
from tests.threats.office import METRIC, Office
from trackrecord.report import ArtifactReport, PredictionsReport

LABELS = b"id,label\n" + b"".join(b"%d,%d\n" % (row, row % 2) for row in range(10))
DIGEST = hashlib.sha256(LABELS).hexdigest()
MEASURED = replace(METRIC, measure="accuracy", labels=DIGEST)


@pytest.fixture
def office(engine: sa.Engine, tmp_path: Path) -> Office:
    made = Office.open(engine, tmp_path)
    made.rules(MEASURED)
    return made


def predicted(right: int) -> bytes:
    """Predictions of which so many of ten are right, in another order than the labels."""
    rows = [(row, (row % 2) if row < right else 1 - row % 2) for row in reversed(range(10))]
    return b"id,prediction\n" + b"".join(b"%d,%d\n" % row for row in rows)


def handed_in(office: Office, reported: float, said: bytes, step: int | None = 2) -> str:
    """A run that reports a value and hands in predictions for it, judged; its id."""
    digest = office.upload(said)
    artifact = ArtifactReport(name="predictions/test.csv", digest=digest, size=len(said))
    told = PredictionsReport(metric="test/accuracy", digest=digest, format="csv", step=step)
    run = office.train(sends=batch(reported, artifacts=[artifact], predictions=[told]))
    office.look()
    return run


def recomputed(office: Office, run: str) -> float | None:
    """The registry's own value, as it stands on the board."""
    with reading(office.scene.engine) as session:
        placing = session.exec(select(Placing).where(Placing.run_id == run).order_by(Placing.metric_id.desc())).first()  # type: ignore[attr-defined]
        assert placing is not None
        return placing.recomputed


def vouched(office: Office, run: str) -> tuple[set[str], str | None]:
    """What the receipt lists as passed, and the recomputed value in it."""
    status, said = office.send("GET", f"runs/{run}/receipt", who="reader")
    assert status == 200
    envelope = said["bundle"]["dsseEnvelope"]
    predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return set(predicate["properties"]), predicate["x_trackrecord"]["metric"]["recomputed"]


def test_good_predictions_give_the_badge_everywhere(office: Office) -> None:
    assert office.upload(LABELS, "maintainer") == DIGEST
    run = handed_in(office, 0.9, predicted(9))
    assert (office.verdict(run), recomputed(office, run)) == ("verified", 0.9)
    reason = office.found(run, "headline_recomputed").reason
    assert "The registry computes 0.9 from the predictions of 10 examples." in reason
    properties, value = vouched(office, run)
    assert "TRACKRECORD_RECOMPUTED" in properties
    assert value == "0.9"
    assert "recomputed" in office.ask("show", "brave-otter-1")
    assert "recomputed" in office.ask("receipt", "brave-otter-1")


def test_a_doctored_number_is_refuted_with_both(office: Office) -> None:
    office.upload(LABELS, "maintainer")
    run = handed_in(office, 0.95, predicted(9))
    found = office.found(run, "headline_recomputed")
    assert (office.verdict(run), found.outcome, found.refutes) == ("refuted", "fail", True)
    assert "The run reports 0.95, the registry computes 0.9 from the predictions of 10 examples." in found.reason
    assert recomputed(office, run) is None
    properties, value = vouched(office, run)
    assert not properties & {"TRACKRECORD_RECOMPUTED", "TRACKRECORD_HEADLINE_RECOMPUTED"}
    assert value == "0.9"
    shown = office.ask("show", "brave-otter-1")
    assert "contradicts the report" in shown
    assert "the registry computes 0.9" in shown
    assert "No verified run" in office.best()


def test_predictions_of_another_step_give_nothing_and_refute_nothing(office: Office) -> None:
    office.upload(LABELS, "maintainer")
    run = handed_in(office, 0.95, predicted(9), step=1)
    assert (office.verdict(run), recomputed(office, run)) == ("verified", None)
    assert "of step 1, not of the one that counts" in office.found(run, "headline_recomputed").reason
    assert "TRACKRECORD_RECOMPUTED" not in vouched(office, run)[0]


def test_labels_that_come_later_give_the_badge_then(office: Office) -> None:
    run = handed_in(office, 0.9, predicted(9))
    assert (office.verdict(run), recomputed(office, run)) == ("verified", None)
    assert "the labels are not in the store" in office.found(run, "headline_recomputed").reason
    assert "TRACKRECORD_RECOMPUTED" not in vouched(office, run)[0]
    office.upload(LABELS, "maintainer")
    office.again(run)
    assert (office.verdict(run), recomputed(office, run)) == ("verified", 0.9)
    assert "TRACKRECORD_RECOMPUTED" in vouched(office, run)[0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (predicted(9).rsplit(b"\n", 2)[0] + b"\n", "1 labels have no prediction"),  # of a subset, the better part
        (LABELS, "what was handed in as predictions are the labels themselves"),
        (LABELS.replace(b"label", b"prediction"), ""),
        (b"PK\x03\x04", "10 labels and 0 predictions"),
    ],
    ids=["a subset", "the labels themselves", "the labels renamed", "no table"],
)
def test_predictions_that_cannot_be_compared_are_said_and_give_no_badge(
    small_office: Office, said: bytes, why: str
) -> None:
    small_office.upload(LABELS, "maintainer")
    reported = 0.95 if why else 1.0
    run = handed_in(small_office, reported, said)
    reason = small_office.found(run, "headline_recomputed").reason
    if why:
        assert why in reason
        assert recomputed(small_office, run) is None
    else:  # whoever has the labels can write predictions: the badge says what was computed, not how they came about
        assert recomputed(small_office, run) == 1.0
        assert "computed" in small_office.ask("show", "brave-otter-1")
    assert small_office.verdict(run) == "verified"


@pytest.fixture
def small_office(sqlite_engine: sa.Engine, tmp_path: Path) -> Office:
    made = Office.open(sqlite_engine, tmp_path)
    made.rules(MEASURED)
    return made

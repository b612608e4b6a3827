"""A small registry with something of everything, made through the real API and judged by the real checks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from registry import keys, tokens
from registry.db import transaction
from registry.proofs import proof_of
from registry.tables import Receipt, Run, Token
from tests.api.scene import DATA, batch, body, milliseconds, report
from tests.threats.office import METRIC, Office
from trackrecord.report import (
    ArtifactReport,
    AttemptReport,
    CorrectionReport,
    DatasetReport,
    EnvironmentReport,
    MetricRules,
    PackageReport,
    PointsReport,
    PredictionsReport,
)

LABELS = b"id,label\n" + b"".join(b"%d,%d\n" % (row, row % 2) for row in range(10))
GUESSES = b"id,prediction\n" + b"".join(b"%d,%d\n" % (row, row % 2 if row < 9 else 0) for row in range(10))
WEIGHTS = bytes(range(256))
LOCK = b"numpy==2.4.6\n"
LOSS = MetricRules(
    name="test/loss", split="test", dataset="digits/test", dataset_digest=DATA, direction="lower", unit="nats"
)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make(engine: sa.Engine, folder: Path) -> tuple[Office, str]:
    """The registry, and the run that everything hangs on: verified, with patch, lock file, artifact, predictions, and a
    second attempt.

    Beside it one that another supersedes, one that contradicted itself, one that was deleted, one that goes on.
    """
    office = Office.open(engine, folder)
    _revoke_properly(office)
    labels = office.upload(LABELS, "maintainer")
    rules: dict[str, Any] = {"metrics": [replace(METRIC, measure="accuracy", labels=labels), LOSS]}
    office.rules(**rules)
    first = _whole_run(office)
    office.look()
    second, third = office.train(0.8), office.train(0.7)
    assert office.send("PUT", f"runs/{third}/batches/main/0", body(batch(0.99)))[0] == 409
    fourth = office.train(0.6)
    office.look()
    for run, said in (
        (second, CorrectionReport(what="superseded", reason="a better seed", instead=first)),
        (fourth, CorrectionReport(what="deleted", reason="it was a mistake")),
    ):
        assert office.send("POST", f"runs/{run}/corrections", body(said), "maintainer")[0] == 201
    office.rules(**rules, title="Milestone one")
    office.opened()
    office.look(timedelta(seconds=2))
    _rotate(office)
    with transaction(engine) as session:  # somebody asks for a proof: the newest entries have a checkpoint too
        receipt = session.exec(select(Receipt).where(Receipt.run_id == first)).first()
        assert receipt is not None
        assert session.get_one(Run, first).verdict == "verified"
        proof_of(session, keys.load(office.scene.settings.data_dir / "keys"), receipt, office.now)
    return office, first


def _whole_run(office: Office) -> str:
    code, patch = office.changed("notes.txt", "a change that nobody committed\n")
    weights, guesses = office.upload(WEIGHTS), office.upload(GUESSES)
    assert office.upload(patch) == code.patch
    environment = EnvironmentReport(
        python="3.11.7",
        packages=[PackageReport(name="numpy", version="2.4.6")],
        os="Linux",
        machine="x86_64",
        lock_files={"requirements.txt": office.upload(LOCK)},
    )
    again = report(name=f"brave-otter-{office.names + 1}", code=code, environment=environment)
    times = [milliseconds() + step for step in range(3)]
    said = batch(
        0.9,
        points=[
            *batch(0.9).points,
            PointsReport(metric="test/loss", steps=[0, 1, 2], times=times, values=[0.5, 0.4, 0.3]),
            PointsReport(metric="train/loss", steps=[0, 1, 2], times=times, values=[0.5, "NaN", 0.25]),
        ],
        datasets=[DatasetReport(name="digits/test", digest=DATA, split="test", size=1_000, count=10)],
        artifacts=[
            ArtifactReport(name="weights.bin", digest=weights, size=len(WEIGHTS), step=2),
            ArtifactReport(name="predictions.csv", digest=guesses, size=len(GUESSES), step=2),
        ],
        predictions=[PredictionsReport(metric="test/accuracy", digest=guesses, format="csv", step=2)],
        notes=["points were thinned"],
        attempts=[AttemptReport(number=2, report=again)],
    )
    return office.train(sends=said, code=code, environment=environment)


def _revoke_properly(office: Office) -> None:
    """The scene's revoked token was revoked behind the log's back."""
    with transaction(office.scene.engine) as session:
        row = session.exec(select(Token).where(col(Token.revoked_at).is_not(None))).one()
        row.revoked_at = None
        session.flush()
        tokens.revoke(session, row.id or 0, office.now)


def _rotate(office: Office) -> None:
    """One key of each use follows another, and one that never signed a receipt that counts is withdrawn."""
    folder = office.scene.settings.data_dir / "keys"
    with transaction(office.scene.engine) as session:
        keys.rotate(session, folder, "receipt", office.now)
    with transaction(office.scene.engine) as session:
        unused = keys.load(folder).receipt.id
        keys.withdraw(session, unused, office.now + timedelta(seconds=1), folder)
        keys.rotate(session, folder, "checkpoint", office.now + timedelta(seconds=1))

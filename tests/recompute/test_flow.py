"""Labels stay with those who keep them; predictions are declared, and change the verdict where they contradict it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from registry.db import reading
from registry.tables import Prediction
from tests.api.scene import OTHER, PROJECT, RULES, RUN, Scene, batch, report
from trackrecord.report import ArtifactReport, PredictionsReport

LABELS = b"label\n0\n1\n"
DIGEST = hashlib.sha256(LABELS).hexdigest()
PINNED = replace(RULES, metrics=[replace(RULES.metrics[0], measure="accuracy", labels=DIGEST)])


def declare(scene: Scene, **changes: Any) -> int:
    said = replace(PredictionsReport(metric="test/accuracy", digest=DIGEST, format="csv", step=2), **changes)
    labels = ArtifactReport(name="mine.csv", digest=DIGEST, size=len(LABELS))
    sent = batch(artifacts=[labels], predictions=[said])
    return int(scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", sent).status_code)


def test_labels_are_for_maintainers_whoever_names_them(scene: Scene) -> None:
    address = f"/api/v1/artifacts/{DIGEST}"
    put = {"Content-Type": "application/octet-stream"}
    assert scene.send("PUT", address, LABELS, "maintainer", **put).status_code == 201
    scene.send("PUT", f"/api/v1/runs/{RUN}", report())
    assert declare(scene) == 200
    assert scene.send("GET", address, who="reader").status_code == 200  # no labels yet
    assert scene.send("PUT", f"/api/v1/projects/{PROJECT}", PINNED, "maintainer").status_code == 200
    allowed = {who: scene.send("GET", address, who=who).status_code for who in ("runner", "reader", "maintainer")}
    assert allowed == {"runner": 404, "reader": 404, "maintainer": 200}
    # Pinning them in a project of one's own opens nothing.
    assert scene.send("PUT", f"/api/v1/projects/{OTHER}", PINNED, "other").status_code == 200
    assert scene.send("GET", address, who="other").status_code == 404
    assert scene.send("GET", address, who="admin").content == LABELS
    with reading(scene.engine) as session:
        (row,) = session.exec(select(Prediction)).all()
        assert (row.run_id, row.metric, row.digest, row.format, row.step) == (RUN, "test/accuracy", DIGEST, "csv", 2)


@pytest.mark.parametrize("wrong", [{"metric": "te st"}, {"digest": "x"}, {"step": -1}, {"format": "pickle"}])
def test_predictions_have_bounds(small: Scene, wrong: dict[str, Any]) -> None:
    small.send("PUT", f"/api/v1/runs/{RUN}", report())
    assert declare(small, **wrong) == 422


def test_only_what_can_be_computed_is_asked_for(small: Scene) -> None:
    metric = replace(PINNED.metrics[0], measure="bleu")
    answer = small.send("PUT", f"/api/v1/projects/{PROJECT}", replace(PINNED, metrics=[metric]), "maintainer")
    assert answer.status_code == 422
    assert "f1-macro" in answer.text

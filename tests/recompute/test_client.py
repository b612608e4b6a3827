"""run.predictions: a file or values in memory arrive as a declared artifact; nothing is raised into training."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trackrecord
from tests.client.conftest import home, registry
from tests.client.wire import WireRegistry

__all__ = ["home", "registry"]


def test_predictions_arrive(registry: WireRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "said.csv"
    file.write_text("prediction\n1\n")
    with trackrecord.run("milestone-1") as run:
        run.log({"test/accuracy": 0.5}, step=3)
        run.predictions(file, "test/accuracy", step=3)
        run.predictions({"id": ["a", "b"], "prediction": [1, 0]}, metric="val/accuracy")
        for bad in (tmp_path / "nowhere.csv", tmp_path / "said.pkl", {"prediction": [object()]}, object()):
            run.predictions(bad, metric=f"bad/{len(str(bad))}")
    (sent,) = registry.runs.values()
    said: list[dict[str, Any]] = [
        each for body in sent.batches.values() for each in json.loads(body).get("predictions", [])
    ]
    assert [(each["metric"], each["format"], each["step"]) for each in said] == [
        ("test/accuracy", "csv", 3),
        ("val/accuracy", "npz", None),
    ]
    assert [each["name"] for each in sent.listed("artifacts")] == [
        "predictions/test/accuracy.csv",
        "predictions/val/accuracy.npz",
    ]
    arrays = np.load(io.BytesIO(registry.artifacts[said[1]["digest"]]), allow_pickle=False)
    assert arrays["prediction"].tolist() == [1, 0]
    assert "are not recorded" in capsys.readouterr().err

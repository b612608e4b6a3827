"""Every adapter with the real library: a small training on real data, and what the registry then knows of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.frameworks.conftest import Bench, line
from trackrecord.adapters.holder import guest


@pytest.mark.usefixtures("torch")
def test_lightning(bench: Bench) -> None:
    whole, broken, handed, stopped = bench.run("with_lightning.py")
    seen = bench.seen(whole["run"])
    assert seen["report"]["params"] == {"width": 32, "lr": 0.01}
    assert (seen["state"], seen["headline"]["step"]) == ("finished", 30)
    assert seen["headline"]["value"] == pytest.approx(whole["accuracy"])
    assert bench.points(whole["run"], "train/loss")["count"] == 30
    assert bench.points(whole["run"], "val/accuracy")["steps"] == [9, 19, 29]
    assert {"checkpoints/last.ckpt", "checkpoints/epoch="} <= {
        name.split("2-step")[0] for name in bench.artifacts(whole["name"])
    }
    seen = bench.seen(broken["run"])
    assert seen["report"]["params"] == {"width": 16, "lr": 0.01, "note": "broken"}
    assert (seen["state"], bench.points(broken["run"], "train/loss")["count"]) == ("failed", 3)
    place = line("with_lightning.py", "raise self.broken")
    assert f"ValueError: shapes do not match ({place})" in bench.shown(broken["name"])
    seen = bench.seen(handed["run"])
    assert (seen["state"], seen["report"]["params"], handed["version"]) == ("finished", {"mine": 1}, handed["name"])
    assert bench.points(handed["run"], "train/accuracy")["count"] == 30
    [ranks] = [seen for seen in bench.all() if seen["report"]["params"].get("note") == "ranks"]
    assert (ranks["state"], bench.points(ranks["run"], "train/loss")["count"]) == ("finished", 10)
    assert bench.seen(stopped["run"])["state"] == "failed"
    assert f"KeyboardInterrupt ({place})" in bench.shown(stopped["name"])


@pytest.mark.usefixtures("torch")
def test_keras(bench: Bench) -> None:
    whole, broken = bench.run("with_keras.py", code=1)
    seen = bench.seen(whole["run"])
    params = seen["report"]["params"]
    assert (params["width"], params["epochs"], params["weights"]) == (64, 5, 65 * 64 + 65 * 10)
    assert (params["optimizer"]["name"], params["optimizer"]["learning_rate"]) == ("adam", pytest.approx(0.01))
    assert (params["loss"], seen["state"]) == ("sparse_categorical_crossentropy", "finished")
    history = bench.points(whole["run"], "val_accuracy")
    assert (history["steps"], max(history["values"])) == ([0, 1, 2, 3, 4], pytest.approx(whole["best"]))
    tested = bench.points(whole["run"], "test_accuracy")
    assert (tested["steps"], tested["values"]) == ([4], [pytest.approx(whole["accuracy"])])
    assert bench.seen(broken["run"])["state"] == "failed"
    assert bench.points(broken["run"], "loss")["steps"] == [0, 1]
    place = line("with_keras.py", "raise ValueError")
    assert f"ValueError: shapes do not match ({place})" in bench.shown(broken["name"])


@pytest.mark.usefixtures("torch")
def test_transformers(bench: Bench) -> None:
    whole, broken = bench.run("with_transformers.py", code=1)
    seen = bench.seen(whole["run"])
    params = seen["report"]["params"]
    assert (params["learning_rate"], params["num_train_epochs"]) == (0.01, 2)
    assert (params["model"]["hidden_size"], params["model"]["model_type"]) == (16, "bert")
    assert "secretsecret" not in str(seen)
    assert (seen["state"], seen["headline"]) == (
        "finished",
        {"metric": "test/accuracy", "value": pytest.approx(whole["accuracy"]), "step": 20},
    )
    assert bench.points(whole["run"], "train/loss")["steps"] == list(range(2, 21, 2))
    assert bench.points(whole["run"], "eval/accuracy")["steps"] == [10, 20]
    assert {"model/config.json", "model/model.safetensors"} <= bench.artifacts(whole["name"])
    seen = bench.seen(broken["run"])
    assert (seen["state"], seen["report"]["params"]["data"]) == ("failed", "digits")
    place = line("with_transformers.py", "raise ValueError")
    assert f"ValueError: row 100 cannot be read ({place})" in bench.shown(broken["name"])


def test_sklearn(bench: Bench) -> None:
    network, search, handed = bench.run("with_sklearn.py")
    runs = {seen["report"]["params"].get("note"): seen for seen in bench.all()}
    seen = runs["network"]
    params = seen["report"]["params"]
    assert (params["class"], params["max_iter"], params["hidden_layer_sizes"]) == ("MLPClassifier", 7, [16])
    assert (seen["state"], seen["headline"]["value"]) == ("finished", pytest.approx(network["accuracy"]))
    assert bench.points(seen["run"], "train/loss")["values"] == pytest.approx(network["loss"])
    seen = runs[None]
    params = seen["report"]["params"]
    assert (params["class"], params["param_grid"], params["seed"]) == ("GridSearchCV", {"C": [1, 10]}, 3)
    assert seen["headline"]["value"] == pytest.approx(search["accuracy"])
    assert bench.points(seen["run"], "cv/mean_test_score")["values"] == pytest.approx(search["scores"])
    artifacts = bench.artifacts(seen["name"])
    assert "cv_results.csv" in artifacts
    assert any(name.startswith("predictions/test/accuracy") for name in artifacts)
    assert (runs["handed over"]["run"], runs["handed over"]["state"]) == (handed["run"], "finished")
    assert bench.points(handed["run"], "train/accuracy")["count"] == 1
    said = bench.shown(runs["broken"]["name"])
    assert runs["broken"]["state"] == "failed"
    assert "InvalidParameterError: The 'C' parameter of LogisticRegression" in said
    assert f"({line('with_sklearn.py', 'C=-1.0')})" in "".join(bench.said)  # the answer is cut before it


def test_optuna(bench: Bench) -> None:
    told = dict(zip(("rates", "caught", "both"), bench.run("with_optuna.py"), strict=True))
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in told}
    for seen in sorted(bench.all(), key=lambda seen: seen["report"]["params"]["optuna"]["trial"]):
        runs[seen["report"]["params"]["optuna"]["study"]].append(seen)
    for study, said in told.items():
        for seen, trial in zip(runs[study], said["trials"], strict=True):
            params = seen["report"]["params"]
            assert {name: params[name] for name in trial["params"]} == trial["params"]
            assert params["optuna"]["state"].upper() == trial["state"]
            assert params["optuna"]["pruner"] == "MedianPruner"
    assert [seen["state"] for seen in runs["rates"]] == ["finished", "finished", "finished", "failed"]
    complete, pruned, _, ending = runs["rates"]
    assert bench.points(complete["run"], "val/accuracy")["values"] == told["rates"]["trials"][0]["values"]
    assert bench.points(complete["run"], "reported/val/accuracy")["steps"] == [0, 1, 2]
    assert bench.points(pruned["run"], "reported/val/accuracy")["steps"] == [0, 1]
    assert "Optuna pruned this trial at step 1" in bench.shown(pruned["name"])
    assert f"OSError: the disk is gone ({line('with_optuna.py', 'raise OSError')})" in bench.shown(ending["name"])
    watched, unwatched = runs["caught"]
    assert (watched["state"], watched["report"]["params"]["seed"], unwatched["state"]) == ("failed", 3, "failed")
    place = line("with_optuna.py", "raise ValueError")
    assert f"ValueError: shapes do not match ({place})" in bench.shown(watched["name"])
    assert "trial 1 failed" in bench.shown(unwatched["name"])
    [up], [down] = (bench.points(runs["both"][0]["run"], name)["values"] for name in ("up", "down"))
    assert [up, down] == told["both"]["trials"][0]["values"]


def test_a_hook_that_cannot_record_warns_and_lets_the_training_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    class Callback:
        @guest
        def on_epoch_end(self) -> None:
            raise ValueError("no such epoch")

    Callback().on_epoch_end()
    assert capsys.readouterr().err.endswith("Callback.on_epoch_end() could not record (ValueError: no such epoch)\n")


WITHOUT = """
import importlib, sys
sys.modules["sklearn"] = None  # .venv has it, for the demo
for adapter in ("lightning", "keras", "transformers", "optuna", "sklearn"):
    try:
        importlib.import_module(f"trackrecord.adapters.{adapter}")
    except ImportError as problem:
        print(problem)
"""


def test_an_adapter_without_its_framework_says_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [
        f"trackrecord.adapters.{adapter} needs {package}, which is not installed here"
        for adapter, package in (
            ("lightning", "lightning"), ("keras", "keras"), ("transformers", "transformers"),
            ("optuna", "optuna"), ("sklearn", "scikit-learn"),
        )
    ]  # fmt: skip

"""The registry's measures give what scikit-learn gives, and words where there is nothing to give."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import metrics  # type: ignore[import-untyped]

from registry.measures import Predicted, Undefined, measure
from tests.soak import count

pytestmark = pytest.mark.soak


CASES = range(count(15, 3_000))


def same(ours: float, theirs: Any) -> None:
    assert ours == pytest.approx(float(theirs), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("spelled", ["number", "word"])
def test_classes(spelled: str) -> None:
    for seed in CASES:
        random = np.random.default_rng(seed)
        classes = np.arange(int(random.integers(2, 6)))
        names = classes if spelled == "number" else np.array([f"class {each}" for each in classes])
        size = int(random.integers(1, 80))
        labels, said = names[random.integers(0, len(names), size)], names[random.integers(0, len(names), size)]
        predicted = Predicted(said.astype(np.str_))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(measure("accuracy", labels.astype(np.str_), predicted), metrics.accuracy_score(labels, said))
            for name, theirs in (
                ("precision", metrics.precision_score),
                ("recall", metrics.recall_score),
                ("f1", metrics.f1_score),
            ):
                for mean in ("micro", "macro"):
                    wanted = theirs(labels, said, average=mean, zero_division=0)
                    same(measure(f"{name}-{mean}", labels.astype(np.str_), predicted), wanted)
                if len({*labels.tolist(), *said.tolist()}) == 2:
                    wanted = theirs(labels, said, pos_label=max([*labels.tolist(), *said.tolist()]), zero_division=0)
                    same(measure(name, labels.astype(np.str_), predicted), wanted)


def test_probabilities_with_ties() -> None:
    for seed in CASES:
        random = np.random.default_rng(seed)
        classes, size = int(random.integers(3, 7)), int(random.integers(20, 80))
        labels = np.concatenate([np.arange(classes), random.integers(0, classes, size)])
        scores = np.round(random.dirichlet(np.ones(classes), len(labels)), 1) + 0.01
        scores /= scores.sum(axis=1, keepdims=True)
        texts, columns = labels.astype(np.str_), tuple(str(each) for each in range(classes))
        predicted = Predicted(probabilities=scores, columns=columns)
        same(measure("roc-auc", texts, predicted), metrics.roc_auc_score(labels, scores, multi_class="ovr"))
        same(measure("log-loss", texts, predicted), metrics.log_loss(labels, scores))
        for top in range(1, classes):
            wanted = metrics.top_k_accuracy_score(labels, scores, k=top) if classes > 2 else 0
            same(measure(f"top-{top}", texts, predicted), wanted)
        two, chance = labels % 2, np.round(random.random(len(labels)), 1)
        binary = Predicted(positive=chance)
        same(measure("roc-auc", two.astype(np.str_), binary), metrics.roc_auc_score(two, chance))
        same(measure("log-loss", two.astype(np.str_), binary), metrics.log_loss(two, chance))


def test_numbers() -> None:
    for seed in CASES:
        random = np.random.default_rng(seed)
        labels, said = random.normal(size=(2, int(random.integers(2, 60))))
        predicted = Predicted(said)
        same(measure("mae", labels, predicted), metrics.mean_absolute_error(labels, said))
        same(measure("rmse", labels, predicted), metrics.root_mean_squared_error(labels, said))
        same(measure("r2", labels, predicted), metrics.r2_score(labels, said))


@pytest.mark.parametrize(
    ("name", "labels", "predicted"),
    [
        ("roc-auc", ["1", "1"], Predicted(positive=np.array([0.1, 0.2]))),
        ("log-loss", ["1", "1"], Predicted(positive=np.array([0.1, 0.2]))),
        ("log-loss", ["0", "1"], Predicted(positive=np.array([0.1, 1.2]))),
        ("log-loss", ["0", "1"], Predicted(probabilities=np.ones((2, 2)), columns=("0", "1"))),
        ("f1", ["a", "b"], Predicted(np.array(["a", "c"]))),
        ("top-2", ["a", "b"], Predicted(probabilities=np.eye(2), columns=("a", "b"))),
        ("top-1", ["a", "z"], Predicted(probabilities=np.eye(2), columns=("a", "b"))),
        ("accuracy", ["a"], Predicted()),
        ("accuracy", [], Predicted(np.array([], np.str_))),
        ("r2", ["2", "2"], Predicted(np.array([1.0, 2.0]))),
        ("mae", ["2", "2"], Predicted(np.array(["x", "y"]))),
    ],
)
def test_what_has_no_value_is_said(name: str, labels: list[str], predicted: Predicted) -> None:
    with pytest.raises(Undefined):
        measure(name, np.array(labels, np.str_), predicted)

"""PURE: labels and predictions in, one number out. Each measure agrees with the usual library's, ties included.

Classes are texts; a number stands for itself however it was written (3, 3.0 and "3" are one class). Of two classes the
greater is the positive one: as numbers where both are numbers, else by the alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

_MEANS = ("precision", "recall", "f1")
NAMES = (
    "accuracy", "top-1 … top-100",
    *(f"{name}{mean}" for name in _MEANS for mean in ("", "-micro", "-macro")),
    "roc-auc", "log-loss", "mae", "rmse", "r2",
)  # fmt: skip
_TOP = re.compile(r"top-([1-9][0-9]?|100)")
REGRESSION = frozenset(("mae", "rmse", "r2"))


class Undefined(Exception):
    """The measure has no value here; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a run predicted, of which a measure needs one: a class or a number for each example, the probability of the
    positive class, or one of every class (a row for each example, a column for each of `columns`).
    """

    values: Texts | Floats | None = None
    positive: Floats | None = None
    probabilities: Floats | None = None
    columns: tuple[str, ...] = ()


def known(name: str) -> bool:
    return name in NAMES or _TOP.fullmatch(name) is not None


def measure(name: str, labels: Texts | Floats, predicted: Predicted) -> float:
    """`name` is one of NAMES; labels and predictions are in the same order. Raises Undefined."""
    if not len(labels):
        raise Undefined("there are no labels")
    if name in REGRESSION:
        return _regression(name, labels.astype(np.float64), _numbers(predicted))
    texts = labels.astype(np.str_)
    if _TOP.fullmatch(name):
        return _top(int(name.removeprefix("top-")), texts, predicted)
    if name == "roc-auc":
        return _roc_auc(texts, predicted)
    if name == "log-loss":
        return _log_loss(texts, predicted)
    said = _classes(predicted)
    if name == "accuracy":
        return float(np.mean(said == texts))
    which, _, mean = name.partition("-")
    return _averaged(which, mean, texts, said)


def in_order(classes: Sequence[str]) -> list[str]:
    """Distinct classes: by number where all are numbers, else by the alphabet."""
    distinct = sorted(set(classes))
    try:
        numbers = {each: float(each) for each in distinct}
    except ValueError:
        return distinct
    # "nan" and "inf" are names of classes here
    return sorted(distinct, key=numbers.__getitem__) if np.isfinite([*numbers.values()]).all() else distinct


def _numbers(predicted: Predicted) -> Floats:
    if predicted.values is None:
        raise Undefined("a column named prediction is needed")
    try:
        return predicted.values.astype(np.float64)
    except ValueError:
        raise Undefined("the predictions are not numbers") from None


def _classes(predicted: Predicted) -> Texts:
    if predicted.values is not None:
        return predicted.values.astype(np.str_)
    if predicted.probabilities is not None:
        found: Texts = np.array(predicted.columns, np.str_)[np.argmax(predicted.probabilities, axis=1)]
        return found
    raise Undefined("a column named prediction, or one for each class, is needed")


def _regression(name: str, labels: Floats, said: Floats) -> float:
    errors = labels - said
    if name == "mae":
        return float(np.mean(np.abs(errors)))
    if name == "rmse":
        return float(np.sqrt(np.mean(errors**2)))
    total = float(np.sum((labels - np.mean(labels)) ** 2))
    if total == 0 or len(labels) < 2:
        raise Undefined("r2 needs labels that differ")
    return 1.0 - float(np.sum(errors**2)) / total


def _averaged(which: str, mean: str, labels: Texts, said: Texts) -> float:
    classes = in_order([*labels.tolist(), *said.tolist()])
    if not mean and len(classes) > 2:
        raise Undefined(f"{which} without -micro or -macro is for two classes, there are {len(classes)}")
    names, at = np.unique(np.concatenate([labels, said]), return_inverse=True)
    there, claimed, hit = (
        np.bincount(places, minlength=len(names)).astype(np.float64)
        for places in (at[: len(labels)], at[len(labels) :], at[: len(labels)][labels == said])
    )
    if not mean:
        positive = names == classes[-1]
        hit, claimed, there = hit[positive], claimed[positive], there[positive]
    if mean == "micro":
        hit, claimed, there = (np.array([each.sum()]) for each in (hit, claimed, there))
    return float(np.mean(_ratio[which](hit, claimed, there)))


def _part(above: Floats, below: Floats) -> Floats:
    """above / below; a class that never occurs counts as 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


_ratio: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "precision": lambda hit, claimed, there: _part(hit, claimed),
    "recall": lambda hit, claimed, there: _part(hit, there),
    "f1": lambda hit, claimed, there: _part(2 * hit, claimed + there),
}


def _top(count: int, labels: Texts, predicted: Predicted) -> float:
    scores, column = _by_class(labels, predicted)
    if count >= scores.shape[1]:
        raise Undefined(f"top-{count} of {scores.shape[1]} classes is always right")
    best = np.argsort(scores, axis=1, kind="stable")[:, ::-1][:, :count]
    return float(np.mean(np.any(best == column[:, None], axis=1)))


def _by_class(labels: Texts, predicted: Predicted) -> tuple[Floats, NDArray[np.int64]]:
    """The columns in the order of their classes, and for each example the column of its label."""
    if predicted.probabilities is None:
        raise Undefined("a column for each class is needed")
    order = in_order(predicted.columns)
    place = {name: at for at, name in enumerate(order)}
    strangers = sorted(set(labels.tolist()) - set(place))
    if strangers:
        raise Undefined(f"no column for the class {strangers[0][:40]}")
    taken = [predicted.columns.index(name) for name in order]
    return predicted.probabilities[:, taken], np.array([place[label] for label in labels.tolist()], np.int64)


def _roc_auc(labels: Texts, predicted: Predicted) -> float:
    if predicted.positive is not None:
        return _area(labels == _two(labels)[1], predicted.positive)
    scores, column = _by_class(labels, predicted)
    if scores.shape[1] == 2:
        return _area(column == 1, scores[:, 1])
    return float(np.mean([_area(column == each, scores[:, each]) for each in range(scores.shape[1])]))


def _two(labels: Texts) -> tuple[str, str]:
    classes = in_order(labels.tolist())
    if len(classes) != 2:
        raise Undefined(f"a probability alone is for two classes, the labels have {len(classes)}")
    return classes[0], classes[1]


def _area(is_positive: NDArray[np.bool_], scores: Floats) -> float:
    """Under the ROC curve, as the share of pairs in the right order; a tie is half a pair."""
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        raise Undefined("roc-auc needs examples of every class")
    _, at, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[at]
    return float((ranks[is_positive].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def _log_loss(labels: Texts, predicted: Predicted) -> float:
    if predicted.positive is not None:
        positive = labels == _two(labels)[1]
        right = np.where(positive, predicted.positive, 1.0 - predicted.positive)
    else:
        scores, column = _by_class(labels, predicted)
        if not np.allclose(scores.sum(axis=1), 1.0, atol=1e-5):
            raise Undefined("the probabilities of an example do not sum to 1")
        right = scores[np.arange(len(column)), column]
    if np.any((right < 0) | (right > 1)):
        raise Undefined("a probability is outside of 0 to 1")
    smallest = np.finfo(np.float64).eps
    return float(-np.mean(np.log(np.clip(right, smallest, 1.0 - smallest))))

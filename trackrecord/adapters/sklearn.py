"""scikit-learn: `fit("milestone-1", estimator, X, y, test=(X_test, y_test))` fits and records in one call."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any, TypeVar

from trackrecord import params as given
from trackrecord.adapters.holder import guest, missing
from trackrecord.recording import Run, run

try:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.metrics import get_scorer
except ImportError as problem:
    raise missing("sklearn", "scikit-learn") from problem

E = TypeVar("E")


def fit(
    where: Run | str,
    estimator: E,
    X: Any,
    y: Any = None,
    *,
    test: tuple[Any, Any] | None = None,
    scoring: str | None = None,
    params: object = None,
    **words: Any,
) -> E:
    """Fit the estimator, record it, and return it; what the fit raises is recorded and raised.

        search = GridSearchCV(SVC(), {"C": [1, 10]})
        model = fit("milestone-1", search, X, y, test=(X_test, y_test), params={"seed": 3})

    Parameters: the estimator's `get_params()`, and `params`. Points: train/NAME and test/NAME of the scorer `scoring`
    (left out: the search's own, else accuracy of a classifier, r2 of a regressor), a `loss_curve_` as train/loss, and
    for a search cv/… of every candidate, with the table of them as the artifact cv_results.csv. What the estimator
    predicts for `test` is handed in, so that the registry can compute accuracy or r2 itself. `words` go to its fit().
    """
    if isinstance(where, Run):
        fitted: E = _fit(where, estimator, X, y, test, scoring, words)
        return fitted
    known = {"class": type(estimator).__name__, **estimator.get_params()}  # type: ignore[attr-defined]
    with run(where, {**known, **given.plain(params)[0]}) as opened:
        fitted = _fit(opened, estimator, X, y, test, scoring, words)
    return fitted


def _fit(opened: Run, estimator: Any, X: Any, y: Any, test: Any, scoring: str | None, words: dict[str, Any]) -> Any:
    fitted = estimator.fit(X, y, **words)
    losses = getattr(getattr(fitted, "best_estimator_", fitted), "loss_curve_", ())
    for step, loss in enumerate(losses):
        opened.log({"train/loss": loss}, step)
    _search(opened, fitted)
    _scores(opened, fitted, (X, y), test, scoring, max(len(losses) - 1, 0))
    return fitted


@guest
def _scores(opened: Run, fitted: Any, train: tuple[Any, Any], test: Any, scoring: str | None, step: int) -> None:
    own = getattr(fitted, "scoring", None)
    usual = "accuracy" if is_classifier(fitted) else "r2" if is_regressor(fitted) else "score"
    name = scoring or (own if isinstance(own, str) else usual)
    score = type(fitted).score if name == "score" else get_scorer(name)
    opened.log({f"train/{name}": score(fitted, *train)}, step)
    if test is not None:
        opened.log({f"test/{name}": score(fitted, *test)}, step)
        if name in ("accuracy", "r2"):
            opened.predictions({"prediction": fitted.predict(test[0])}, metric=f"test/{name}", step=step)


@guest
def _search(opened: Run, fitted: Any) -> None:
    """Every candidate of a search: a step each."""
    results = getattr(fitted, "cv_results_", None)
    if results is None:
        return
    columns = [name for name in results if name.startswith(("mean_", "std_"))]
    candidates = results["params"]
    for step in range(len(candidates)):
        opened.log({f"cv/{name}": results[name][step] for name in columns}, step)
    names = sorted({name for candidate in candidates for name in candidate})
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "cv_results.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*names, *columns])
            for step, candidate in enumerate(candidates):
                writer.writerow([candidate.get(name, "") for name in names] + [results[name][step] for name in columns])
        opened.artifact(table)

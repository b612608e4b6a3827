"""The callback's own example, which the last trial ends; then failures that are caught, and several values."""

from __future__ import annotations

import contextlib
from typing import Any

import optuna
from digits import example, tell, train, validation
from sklearn.linear_model import SGDClassifier

from trackrecord.adapters.optuna import TrackrecordCallback


def objective(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    penalty = trial.suggest_categorical("penalty", ["l1", "l2"])
    model = SGDClassifier(learning_rate="constant", eta0=rate, penalty=penalty, random_state=3)
    for step in range(3):
        model.partial_fit(*train, classes=range(10))
        trial.report(float(model.score(*validation)), step)
        if trial.number == 1 and step == 1:
            raise optuna.TrialPruned
    if trial.number == 3:
        raise OSError("the disk is gone")
    return float(model.score(*validation))


def plain(trial: optuna.Trial) -> tuple[float, float]:
    at = trial.suggest_float("at", 0, 1)
    return at, 1 - at


def failing(trial: optuna.Trial) -> float:
    trial.suggest_float("at", 0, 1)
    raise ValueError("shapes do not match")


def told(study: Any) -> list[dict[str, Any]]:
    return [{"params": trial.params, "state": trial.state.name, "values": trial.values} for trial in study.trials]


if __name__ == "__main__":
    names: dict[str, Any] = {"TrackrecordCallback": TrackrecordCallback, "optuna": optuna, "objective": objective}
    with contextlib.suppress(OSError):
        exec(example(TrackrecordCallback), names)
    tell(trials=told(names["study"]))

    caught = optuna.create_study(study_name="caught")
    record = TrackrecordCallback("milestone-1", params={"seed": 3})
    caught.optimize(record.watch(failing), n_trials=1, callbacks=[record], catch=(ValueError,))
    caught.optimize(failing, n_trials=1, callbacks=[record], catch=(ValueError,))
    tell(trials=told(caught))

    both = optuna.create_study(study_name="both", directions=["maximize", "minimize"])
    both.optimize(plain, n_trials=1, callbacks=[TrackrecordCallback("milestone-1", ["up", "down"])])
    tell(trials=told(both))

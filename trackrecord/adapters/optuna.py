"""Optuna: `study.optimize(objective, callbacks=[TrackrecordCallback("milestone-1", metric="val/accuracy")])`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from trackrecord import params as given
from trackrecord.adapters.holder import guest, missing
from trackrecord.recording import Run, run

try:
    from optuna import Study, Trial, TrialPruned
    from optuna.trial import FrozenTrial, TrialState
except ImportError as problem:
    raise missing("optuna", "optuna") from problem


class TrackrecordCallback:
    """Records every trial as a run of its own, when the trial is over.

        record = TrackrecordCallback("milestone-1", metric="val/accuracy")
        study = optuna.create_study(study_name="rates", direction="maximize")
        study.optimize(record.watch(objective), n_trials=4, callbacks=[record])

    Parameters: the trial's, `params` of the script, and under `optuna` the study, the trial's number and state, the
    sampler, the pruner and user attributes. Points: what the objective returned as `metric` (one name for each value,
    where it returns several), and what it reported on its way as "reported/" and `metric`. A pruned trial is a
    finished run with a note, a failed one a failed run. Optuna does not tell callbacks what a trial failed with, and
    nothing of an exception that `catch` does not name: `watch` does.
    """

    def __init__(self, project: str, metric: str | Sequence[str] = "value", *, params: object = None) -> None:
        self._project = project
        self._metrics = [metric] if isinstance(metric, str) else list(metric)
        self._params, _ = given.plain(params)
        self._watched: set[int] = set()

    @guest
    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Optuna calls this after a trial, in the thread that ran it."""
        if trial.number in self._watched:
            return
        made = self._recorded(study, trial, trial.state)
        if trial.state == TrialState.FAIL:
            made.finish("failed", f"trial {trial.number} failed")
        else:
            made.finish()

    def watch(self, objective: Callable[[Trial], Any]) -> Callable[[Trial], Any]:
        """The objective itself; a trial that raises is recorded as failed with the exception's type and line."""

        @functools.wraps(objective)
        def watched(trial: Trial) -> Any:
            try:
                return objective(trial)
            except TrialPruned:
                raise
            except BaseException as raised:
                self._failed(trial, raised)
                raise

        return watched

    @guest
    def _failed(self, trial: Trial, raised: BaseException) -> None:
        self._watched.add(trial.number)
        made = self._recorded(trial.study, trial.study.trials[trial.number], TrialState.FAIL)
        made.__exit__(type(raised), raised, raised.__traceback__)

    def _recorded(self, study: Study, trial: FrozenTrial, state: TrialState) -> Run:
        """The trial's run with all that is known of it, not ended yet."""
        about = {
            "study": study.study_name,
            "trial": trial.number,
            "state": state.name.lower(),
            "sampler": type(study.sampler).__name__,
            "pruner": type(study.pruner).__name__,
            "user": dict(trial.user_attrs),
        }
        made = run(self._project, {**self._params, **trial.params, "optuna": about})
        for step, value in sorted(trial.intermediate_values.items()):
            made.log({f"reported/{self._metrics[0]}": value}, step=max(step, 0))
        if state == TrialState.PRUNED:
            made._note(f"Optuna pruned this trial at step {trial.last_step}")
        else:
            names = self._metrics if len(self._metrics) > 1 else self._metrics * len(trial.values or ())
            several = len(trial.values or ()) > len(self._metrics)
            made.log(
                {
                    (f"{name}_{at}" if several else name): value
                    for at, (name, value) in enumerate(zip(names, trial.values or (), strict=False))
                },
                step=max(trial.last_step or 0, 0),
            )
        return made

"""Hugging Face Trainer: `Trainer(…, callbacks=[TrackrecordCallback("milestone-1")])`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackrecord.adapters.holder import RunHolder, guest, missing
from trackrecord.recording import Run

try:
    from transformers import TrainerCallback
except ImportError as problem:
    raise missing("transformers", "transformers") from problem


class TrackrecordCallback(TrainerCallback):
    """Records the training arguments and the model's configuration as parameters, and every log as points.

        record = TrackrecordCallback("milestone-1", model=True)
        trainer = Trainer(model, args, train_dataset=data, eval_dataset=more, callbacks=[record])
        trainer.train()
        trainer.evaluate(held_out, metric_key_prefix="test")    # test/loss, …, in the same run
        trackrecord.finish()                                    # or the end of the script

    Names are train/…, eval/… and test/…, as in the Trainer's other integrations. `params`: more parameters; `model`:
    the trained model becomes an artifact. Only the first process records.
    """

    def __init__(self, where: Run | str, *, params: object = None, model: bool = False) -> None:
        self._holder = RunHolder(where, params)
        self._keeps_model = model

    @property
    def run(self) -> Run | None:
        """The run; None until the training has begun."""
        return self._holder.run

    @guest
    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """The run opens."""
        if state.is_world_process_zero:
            self._open(args, model)

    @guest
    def on_log(
        self, args: Any, state: Any, control: Any, model: Any = None, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Points of one step; an evaluation without a training opens the run as well."""
        if state.is_world_process_zero and logs:
            points = {_named(name): value for name, value in logs.items() if not isinstance(value, str)}
            self._open(args, model).log(points, step=state.global_step)

    @guest
    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """The model as it is now, if it was asked for."""
        if state.is_world_process_zero and self._keeps_model and model is not None and self.run is not None:
            with tempfile.TemporaryDirectory() as folder:
                model.save_pretrained(Path(folder) / "model")
                self.run.artifact(Path(folder) / "model", "model", step=state.global_step)

    def _open(self, args: Any, model: Any) -> Run:
        return self._holder.run or self._holder.open(_known(args, model))


def _known(args: Any, model: Any) -> dict[str, Any]:
    """The arguments that have a value, and the model's configuration."""
    found: dict[str, Any] = {name: value for name, value in args.to_dict().items() if value is not None}
    config = getattr(model, "config", None)
    if config is not None:
        found["model"] = config if isinstance(config, Mapping) else config.to_dict()
    return found


def _named(name: str) -> str:
    """`eval_loss` is eval/loss, `test_loss` test/loss, everything else train/…"""
    kind, _, rest = name.partition("_")
    return f"{kind}/{rest}" if kind in ("eval", "test") and rest else f"train/{name}"

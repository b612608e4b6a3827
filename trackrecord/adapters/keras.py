"""Keras: `model.fit(…, callbacks=[TrackrecordCallback("milestone-1")])`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackrecord.adapters.holder import RunHolder, guest, missing
from trackrecord.recording import Run

try:
    from keras.callbacks import Callback
except ImportError as problem:
    raise missing("keras", "keras") from problem


class TrackrecordCallback(Callback):
    """Records the optimizer, the loss and the size of the training as parameters, and every epoch's logs as points.

        record = TrackrecordCallback("milestone-1", params={"width": 64, "seed": 3})
        model.fit(x, y, epochs=5, validation_data=(x2, y2), callbacks=[record])
        model.evaluate(x3, y3, callbacks=[record])      # test_loss, test_accuracy, in the same run
        trackrecord.finish()                            # or the end of the script

    `params`: everything that Keras cannot know.
    """

    def __init__(self, where: Run | str, *, params: object = None) -> None:
        super().__init__()
        self._holder = RunHolder(where, params)
        self._epoch = 0
        self._fitting = False

    @property
    def run(self) -> Run | None:
        """The run; None until the training has begun."""
        return self._holder.run

    @guest
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """The run opens."""
        self._fitting = True
        self._open()

    @guest
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Points of one epoch, by Keras' own names: loss, val_loss, …"""
        self._epoch = epoch
        self._open().log(logs or {}, step=epoch)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """From now on an evaluation is a test, not the validation of an epoch."""
        self._fitting = False

    @guest
    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """An evaluation after the training, at the step of its last epoch."""
        if not self._fitting:
            self._open().log({f"test_{name}": value for name, value in (logs or {}).items()}, step=self._epoch)

    def _open(self) -> Run:
        return self._holder.run or self._holder.open(_known(self.model, self.params or {}))


def _known(model: Any, fitting: Mapping[str, Any]) -> dict[str, Any]:
    """What Keras knows of a compiled model and of this call of fit()."""
    found: dict[str, Any] = {name: fitting[name] for name in ("epochs", "steps") if fitting.get(name) is not None}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        found["optimizer"] = optimizer.get_config()
    loss = getattr(model, "loss", None)
    if loss is not None:
        found["loss"] = getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss
    if model.built:
        found["weights"] = model.count_params()
    return found

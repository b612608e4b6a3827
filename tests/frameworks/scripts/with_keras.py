"""The callback's own example; then, in the same process, a fit whose exception ends the script."""

from __future__ import annotations

from typing import Any

import keras
from digits import example, tell, test, train, validation

import trackrecord
from trackrecord.adapters.keras import TrackrecordCallback


def model(width: int) -> Any:
    made = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(width, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    )
    made.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


class Broken(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise ValueError("shapes do not match")


if __name__ == "__main__":
    keras.utils.set_random_seed(3)
    net = model(64)
    names = dict(zip(("x", "y", "x2", "y2", "x3", "y3"), (*train, *validation, *test), strict=True))
    names |= {"TrackrecordCallback": TrackrecordCallback, "trackrecord": trackrecord, "model": net}
    exec(example(TrackrecordCallback), names)
    record = names["record"]
    best = max(net.history.history["val_accuracy"])
    accuracy = net.evaluate(*test, verbose=0, return_dict=True)["accuracy"]
    tell(run=record.run.id, name=record.run.name, best=best, accuracy=accuracy)

    broken = TrackrecordCallback("milestone-1", params={"width": 16})
    try:
        model(16).fit(*train, epochs=4, batch_size=50, callbacks=[broken, Broken()], verbose=0)
    finally:
        assert broken.run is not None
        tell(run=broken.run.id, name=broken.run.name)

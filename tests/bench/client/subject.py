"""The training script that is measured: it runs in the environment of the tool, knows nothing of the bench, and writes
its times into a file. Copied into the repository of the bench as train.py.
"""

from __future__ import annotations

import array
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Log = Callable[[Mapping[str, float], int], Any]
Finish = Callable[[], Any]
PARAMS = {"lr": 0.1, "batch_size": 64, "epochs": 10, "model": "resnet18", "seed": 7}
clock = time.perf_counter_ns


def trackrecord() -> tuple[Log, Finish]:
    import trackrecord

    run = trackrecord.run("bench", params=PARAMS)
    return run.log, run.finish


def wandb() -> tuple[Log, Finish]:
    import wandb

    run = wandb.init(project="bench", config=PARAMS)
    return run.log, run.finish


def mlflow() -> tuple[Log, Finish]:
    import mlflow

    mlflow.set_experiment("bench")
    mlflow.start_run()
    mlflow.log_params(PARAMS)
    return mlflow.log_metrics, mlflow.end_run


def trackio() -> tuple[Log, Finish]:
    import trackio

    run = trackio.init(project="bench", config=PARAMS)
    return run.log, run.finish


def aim() -> tuple[Log, Finish]:
    from aim import Run

    run = Run(repo=os.environ["STORE"], experiment="bench")
    run["hparams"] = PARAMS
    return lambda values, step: run.track(values, step=step), run.close


def write() -> tuple[Log, Finish]:
    """The floor: a frame as long as trackrecord's, made beforehand."""
    file = os.open(os.path.join(os.environ["STORE"], f"{os.getpid()}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    values = values_of(10_000)
    frame = b"-" * 30 + json.dumps(list(values), separators=(",", ":")).encode() + b"-" * 8 * len(values)
    return lambda _values, _step: os.write(file, frame), lambda: os.close(file)


def values_of(step: int) -> dict[str, float]:
    """Five scalars of a step."""
    loss = 1.0 / (1.0 + step * 0.01)
    return {
        "train/loss": loss,
        "train/accuracy": 1.0 - loss * 0.9,
        "val/loss": loss * 1.1,
        "val/accuracy": 1.0 - loss * 0.95,
        "lr": 0.1 * loss,
    }


def train(start: Callable[[], tuple[Log, Finish]], calls: int, out: str, begun: int) -> None:
    log, finish = start()
    started = clock()
    spent = array.array("q", bytes(8 * calls))
    for step in range(calls):
        values = values_of(step)
        before = clock()
        log(values, step)
        spent[step] = clock() - before
    ending = clock()
    finish()
    ended = clock()
    with open(out + ".calls", "wb") as file:
        spent.tofile(file)
    with open(out, "w", encoding="utf-8") as said:
        json.dump({"start": (started - begun) / 1e9, "finish": (ended - ending) / 1e9, "peak": peak()}, said)


def peak() -> int:
    """The most memory that this process ever had, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def with_sacred(calls: int, out: str) -> None:
    """Sacred calls the training, not the other way round."""
    import sacred
    import sacred.observers

    experiment = sacred.Experiment("bench")
    experiment.observers.append(sacred.observers.FileStorageObserver(os.environ["STORE"]))
    experiment.add_config(PARAMS)
    left: list[int] = []
    begun = clock()

    @experiment.main
    def main(_run: Any) -> None:
        def log(values: Mapping[str, float], step: int) -> None:
            for name, value in values.items():
                _run.log_scalar(name, value, step)

        # train() measures up to here; what Sacred does after this function is its finish.
        train(lambda: (log, lambda: None), calls, out, begun)
        left.append(clock())

    experiment.run()
    ended = clock()
    with open(out, encoding="utf-8") as said:
        found = json.load(said)
    found["finish"] = (ended - left[0]) / 1e9
    with open(out, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    tool, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    sys.argv = sys.argv[:1]
    if tool == "sacred":
        with_sacred(count, path)
    else:
        if tool != "write":
            __import__(tool)  # what the import costs is measured by itself
        train(globals()[tool], count, path, clock())

"""PyTorch Lightning: `Trainer(logger=TrackrecordLogger("milestone-1"))`."""

from __future__ import annotations

import multiprocessing
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackrecord.adapters.holder import RunHolder, guest, missing
from trackrecord.recording import Run

try:
    try:
        from lightning.pytorch.loggers import Logger
        from lightning.pytorch.utilities import rank_zero_only
    except ImportError:  # the same library under its older name
        from pytorch_lightning.loggers import Logger
        from pytorch_lightning.utilities import rank_zero_only
except ImportError as problem:
    raise missing("lightning", "lightning") from problem


class TrackrecordLogger(Logger):
    """Records what `save_hyperparameters()` kept as parameters and what `self.log()` logs as points.

        trainer = Trainer(max_epochs=3, logger=TrackrecordLogger("milestone-1", checkpoints=True))
        trainer.fit(model, data)
        trainer.test(model, data)       # recorded in the same run
        trainer.logger.experiment       # the run: `.name`, `.url`, `.dataset(…)`
        trackrecord.finish()            # or the end of the script

    `params`: more parameters than those of the module and the data module. `checkpoints`: the best and the last
    checkpoint become artifacts. Only rank 0 records. A training that raises ends the run as failed. Where Lightning
    starts processes of its own (`strategy="ddp_spawn"`, a notebook), the run ends with fit(): open it yourself and hand
    it over, and a test is part of it.
    """

    def __init__(self, where: Run | str, *, params: object = None, checkpoints: bool = False) -> None:
        super().__init__()
        self._holder = RunHolder(where, params)
        self._checkpoints = checkpoints
        self._saver: Any = None
        self._kept: set[str] = set()
        self._version = self._holder.run.name if self._holder.run else time.strftime("%Y%m%d-%H%M%S")

    @property
    def name(self) -> str:
        """The project; with `version` it names the folder of the checkpoints."""
        return self._holder.project

    @property
    def version(self) -> str:
        """The name of a run that was handed over; else the time at which the logger was made."""
        return self._version

    @property
    def experiment(self) -> Run:
        """The run. Lightning asks before it tells the hyperparameters, with which the run opens: not there yet then."""
        if self._holder.run is None:
            raise AttributeError("the run opens when the training begins")
        return self._holder.run

    @rank_zero_only
    @guest
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """The training begins: the run opens with these parameters."""
        self._holder.open(vars(params) if isinstance(params, Namespace) else dict(params))

    @rank_zero_only
    @guest
    def log_graph(self, *_: Any, **__: Any) -> None:
        """Called when the training begins, also where the module kept no hyperparameters."""
        self._holder.open({})

    @rank_zero_only
    @guest
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Points of one step, by the names that the module gave to them."""
        self._holder.open({}).log(metrics, step)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Remember who knows the best and the last checkpoint."""
        self._saver = checkpoint_callback

    @rank_zero_only
    @guest
    def finalize(self, status: str) -> None:
        """A stage is over. A failure ends the run, a success does not: a test may follow a training."""
        run = self._holder.run
        if run is None:
            return
        if self._checkpoints and self._saver is not None:
            for path in {self._saver.best_model_path, self._saver.last_model_path} - {""} - self._kept:
                self._kept.add(path)
                run.artifact(path, f"checkpoints/{Path(path).name}")
        if self._holder.owned and status == "failed":
            run.__exit__(*sys.exc_info())
        elif self._holder.owned and multiprocessing.parent_process() is not None:
            run.finish()  # a process that Lightning started: it leaves without the usual end of a script

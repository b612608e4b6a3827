"""The logger's own example; trainings that raise, are given a run, have two ranks, and are interrupted."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any

import torch
from digits import example, tell, test, train, validation
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

import trackrecord.adapters
from trackrecord.adapters.lightning import TrackrecordLogger


class Digits(LightningModule):
    def __init__(self, width: int, lr: float = 0.01, broken: BaseException | None = None) -> None:
        super().__init__()
        self.save_hyperparameters(ignore="broken")
        self.broken = broken
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))

    def _scored(self, batch: Any, kind: str) -> Any:
        images, labels = batch
        out = self.layers(images)
        loss = torch.nn.functional.cross_entropy(out, labels)
        self.log_dict({f"{kind}/loss": loss, f"{kind}/accuracy": (out.argmax(1) == labels).float().mean()})
        return loss

    def training_step(self, batch: Any, index: int) -> Any:
        if self.broken is not None and self.global_step == 3:
            raise self.broken
        return self._scored(batch, "train")

    def validation_step(self, batch: Any, index: int) -> None:
        self._scored(batch, "val")

    def test_step(self, batch: Any, index: int) -> None:
        self._scored(batch, "test")

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def loader(split: Any) -> Any:
    return DataLoader(TensorDataset(*map(torch.as_tensor, split)), batch_size=100)


quiet = functools.partial(
    Trainer, log_every_n_steps=1, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False
)


if __name__ == "__main__":
    seed_everything(3, verbose=False)
    data = LightningDataModule()
    data.train_dataloader, data.val_dataloader, data.test_dataloader = (
        functools.partial(loader, split) for split in (train, validation, test)
    )
    keeps = functools.partial(quiet, callbacks=[ModelCheckpoint(monitor="val/accuracy", mode="max", save_last=True)])
    names = {"Trainer": keeps, "model": Digits(32), "data": data, "trackrecord": trackrecord}
    exec(example(TrackrecordLogger), names | {"TrackrecordLogger": TrackrecordLogger}, names)
    whole = names["trainer"]
    tell(
        run=whole.logger.experiment.id,
        name=whole.logger.experiment.name,
        accuracy=float(whole.callback_metrics["test/accuracy"]),
    )
    exec(example(trackrecord.adapters), {"Trainer": quiet})

    logger = TrackrecordLogger("milestone-1", params={"note": "broken"})
    with contextlib.suppress(ValueError):
        quiet(logger=logger, max_epochs=3).fit(Digits(16, broken=ValueError("shapes do not match")), loader(train))
    tell(run=logger.experiment.id, name=logger.experiment.name)

    with trackrecord.run("milestone-1", params={"mine": 1}) as run:
        logger = TrackrecordLogger(run)
        quiet(logger=logger, max_epochs=3).fit(Digits(8), loader(train))
        tell(run=run.id, name=run.name, version=logger.version)

    logger = TrackrecordLogger("milestone-1", params={"note": "ranks"})
    quiet(logger=logger, max_epochs=2, strategy="ddp_fork", devices=2).fit(Digits(16), loader(train))

    logger = TrackrecordLogger("milestone-1")
    with contextlib.suppress(SystemExit):
        quiet(logger=logger, max_epochs=3).fit(Digits(16, broken=KeyboardInterrupt()), loader(train))
    tell(run=logger.experiment.id, name=logger.experiment.name)
    sys.exit(0)

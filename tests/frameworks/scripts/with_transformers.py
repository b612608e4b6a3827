"""The callback's own example; then a training whose exception ends the script."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

import numpy as np
import torch
from digits import example, tell, test, train, validation
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import trackrecord
from trackrecord.adapters.transformers import TrackrecordCallback


class Rows(torch.utils.data.Dataset):
    """A digit is a sentence of 64 words, its pixels."""

    def __init__(self, split: Any, count: int, broken: bool = False) -> None:
        self.pixels = torch.as_tensor(split[0][:count] * 16).long()
        self.labels, self.broken = torch.as_tensor(split[1][:count]), broken

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, at: int) -> dict[str, Any]:
        if self.broken and at == 100:
            raise ValueError("row 100 cannot be read")
        return {"input_ids": self.pixels[at], "labels": self.labels[at]}


def model() -> Any:
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=17,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            num_labels=10,
        )
    )


def arguments(folder: str) -> TrainingArguments:
    return TrainingArguments(
        folder, num_train_epochs=2, per_device_train_batch_size=40, learning_rate=0.01, logging_steps=2, seed=3,
        eval_strategy="epoch", save_strategy="no", disable_tqdm=True, use_cpu=True, hub_token="hf_" + "secret" * 6,
    )  # fmt: skip


def scores(out: Any) -> dict[str, float]:
    return {"accuracy": float((np.argmax(out.predictions, 1) == out.label_ids).mean())}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        names: dict[str, Any] = {
            "TrackrecordCallback": TrackrecordCallback,
            "Trainer": functools.partial(Trainer, compute_metrics=scores),
            "trackrecord": trackrecord,
            "model": model(),
            "args": arguments(folder),
            "data": Rows(train, 400),
            "more": Rows(validation, 80),
            "held_out": Rows(test, 80),
        }
        exec(example(TrackrecordCallback), names)
        [tested] = [each for each in names["trainer"].state.log_history if "test_accuracy" in each]
        tell(run=names["record"].run.id, name=names["record"].run.name, accuracy=tested["test_accuracy"])

        broken = TrackrecordCallback("milestone-1", params={"data": "digits"})
        try:
            data = Rows(train, 200, broken=True)
            Trainer(model(), arguments(folder), train_dataset=data, eval_dataset=data, callbacks=[broken]).train()
        finally:
            assert broken.run is not None
            tell(run=broken.run.id, name=broken.run.name)

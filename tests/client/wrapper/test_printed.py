"""Numbers in what a script prints: lines of numbers count, prose never does."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrecord.wrapper.lines import Lines
from trackrecord.wrapper.printed import Printed, Reader


def read(line: str) -> Printed | None:
    return Reader().read(line)


@pytest.mark.parametrize(
    ("line", "values", "step"),
    [
        ("loss=0.31", {"loss": 0.31}, None),
        ("step=100 loss=0.31 lr=1e-4", {"loss": 0.31, "lr": 1e-4}, 100),
        ("Epoch 3/10: loss: 0.31, val_loss: 0.42", {"loss": 0.31, "val_loss": 0.42}, 3),
        ("Epoch 3 | train loss 0.3", None, None),
        ("Epoch 3 | train loss: 0.3 | val acc: 91.2%", {"train_loss": 0.3, "val_acc": 0.912}, 3),
        ("Epoch [3/10], Step [100/500], Loss: 0.3000", {"Loss": 0.3}, 1100),
        ("Train Epoch: 2 [640/60000 (1%)]\tLoss: 2.31", {"Loss": 2.31}, 60640),
        ("[12/100] loss=-0.5", {"loss": -0.5}, 12),
        ("2026-11-24 10:32:01,123 INFO step 5 - loss: 0.3 - time: 12.5s", {"loss": 0.3}, 5),
        ("INFO:train:step 5 loss=0.3", {"loss": 0.3}, 5),
        ("[2026-11-24 10:32:01] [train] iter 7 · loss = 3e-2 · acc = .5", {"loss": 0.03, "acc": 0.5}, 7),
        ("12/12 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.91 - loss: 0.3", {"accuracy": 0.91, "loss": 0.3}, None),
        ("12/12 [==============================] - 1s 3ms/step - loss: 0.3", {"loss": 0.3}, None),
        ("3/12 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.91 - loss: 0.3", None, None),
        ("Epoch 1: 100%|██████| 12/12 [00:01<00:00, 8.30it/s, v_num=0, train_loss=0.31]", {"train_loss": 0.31}, 1),
        ("Epoch 1:  50%|███   | 6/12 [00:01<00:00, 8.30it/s, train_loss=0.31]", None, None),
        ("{'loss': 0.31, 'grad_norm': 1.5, 'epoch': 1.0}", {"loss": 0.31, "grad_norm": 1.5}, 1),
        ("{'loss': '0.31', 'epoch': '0.5'}", {"loss": 0.31, "epoch": 0.5}, None),
        ('{"step": 4, "val": {"loss": 0.3}, "note": "x"}', {"val/loss": 0.3}, 4),
        ("{'loss': np.float64(0.25), 'acc': tensor(0.5, device='cuda:0')}", {"loss": 0.25, "acc": 0.5}, None),
        ("global_step: 900, epoch: 2, loss: 1.5", {"loss": 1.5}, 900),
    ],
)  # fmt: skip
def test_lines_of_numbers(line: str, values: dict[str, float] | None, step: int | None) -> None:
    assert read(line) == (None if values is None else Printed(values, step))


def test_numbers_that_are_none_are_read_as_such() -> None:
    for line in (
        "step=3 loss=nan acc=inf",
        "{'step': 3, 'loss': nan, 'acc': inf}",
        '{"step": 3, "loss": NaN, "acc": Infinity}',
    ):
        found = read(line)
        assert found is not None
        assert found.step == 3
        assert math.isnan(found.values["loss"])
        assert found.values["acc"] == math.inf


PROSE = """
Loading checkpoint 3
Found 1297 images belonging to 10 classes.
Using seed: 42
lr: 0.1
batch_size=32
epochs: 10, lr: 0.1, hidden: 16
{'lr': 0.1, 'batch_size': 32, 'epochs': 40}
{"port": 8080, "workers": 4}
Epoch 3
step 100
test/accuracy 91.60% after 40 epochs
The loss is 0.3 and the accuracy is 0.9
the loss went from 0.5 to loss: 0.3
loss: 0.3 (best so far)
loss: 0.3 improved from 0.4, saving model to model.pt
Downloading: 100%
100%|██████████| 12/12 [00:01<00:00,  8.30it/s]
Total params: 1,234,567
Trainable params: 1200
error: 404 not found
accuracy: high
loss:0.3abc
loss: 0.3.
version: 1.2.3
loss: 1.2.3
time: 10:32:01
Listening on http://127.0.0.1:8080
GPU 0: 45
ratio=3:4
loss=0.3=0.4
train: 100 images
|  Name  |  Type  |
0 | model | Linear | 10 K
  File "train.py", line 41, in main
ValueError: loss: 0.3
RuntimeError: step 5
{'loss': 'none'}
{'loss': }
{
loss_weight: 0.5
commit 3f2a91c
  ETA: 0:00:12
-
===
loss
loss=
=0.3
step 5: saved
""".strip("\n").split("\n")


@pytest.mark.parametrize("line", PROSE)
def test_prose_never_counts(line: str) -> None:
    assert read(line) is None


def test_a_heading_gives_its_step_to_the_numbers_under_it_once() -> None:
    reader = Reader()
    found = [
        reader.read(line)
        for line in (
            "Epoch 3/10",
            "train loss: 0.3",
            "hello",
            "val loss: 0.4",
            "val loss: 0.5",
            "Epoch 4/10",
            "val loss: 0.2",
        )
    ]
    assert found == [
        None, Printed({"train_loss": 0.3}, 3), None, Printed({"val_loss": 0.4}, 3), Printed({"val_loss": 0.5}, None),
        None, Printed({"val_loss": 0.2}, 4),
    ]  # fmt: skip


NAMES = st.from_regex(r"[a-z]{1,6}_loss", fullmatch=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: float(repr(number)))


@given(
    st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=6),
    st.integers(0, 10**9),
    st.sampled_from(["=", ": ", " = "]),
    st.sampled_from([" ", ", ", " | ", " - ", " · ", "\t"]),
    st.sampled_from(["step {} ", "Epoch {}/9: ", "[{}/9] ", "10:00:00 INFO step={} ", "Epoch {} | "]),
)
def test_what_is_printed_as_pairs_comes_back(
    values: dict[str, float], step: int, equals: str, gap: str, lead: str
) -> None:
    line = lead.format(step) + gap.join(f"{name}{equals}{value!r}" for name, value in values.items())
    assert read(line) == Printed(values, step)
    assert read(str({**values, "step": step})) == read(json.dumps({**values, "step": step})) == Printed(values, step)


@given(st.text(max_size=300) | st.from_regex(r"[{}'\" :=,|.0-9a-z%\[\]/-]{0,80}", fullmatch=True))
def test_any_line_is_survived(line: str) -> None:
    found = read(line)
    assert found is None or found.values


@given(
    st.lists(
        st.sampled_from(["lorem", "ipsum", "loss", "step", "5", "0.3", "is", "loss:", "=", "epoch", "the"]),
        min_size=2,
        max_size=12,
    )
)
def test_a_word_too_many_spoils_the_line(words: list[str]) -> None:
    assert read(" ".join([*words, "lorem"])) is None


@pytest.mark.parametrize(
    "unit", ["loss=0.3 ", "a=1,", "[", "{" * 3, "1", " ", "step 1 ", "█", "'a':1,", "[1/", "a.", "\\", "2026-11-24 "]
)
def test_long_lines_take_linear_time(unit: str) -> None:
    line = (unit * 4000)[:3999]
    began = time.perf_counter()
    read(line)
    read("{" + line[:3990] + "}")
    assert time.perf_counter() - began < 0.5


def test_lines_are_the_same_however_the_output_is_cut() -> None:
    whole = (
        "plain\n\x1b[32mgreen\x1b[0m loss=1\r\n 1%\r 50%\r100% done\n\x1b]0;title\x07after\n"
        "bar 1\b\b\b\b\bbar 2\nümläut 漢\nlast"
    ).encode()
    expected = ["plain", "green loss=1", "100% done", "after", "bar 2", "ümläut 漢", "last"]
    for size in (1, 2, 3, 7, len(whole)):
        lines = Lines()
        found = [line for at in range(0, len(whole), size) for line in lines.feed(whole[at : at + size])]
        assert found + list(lines.end()) == expected


def test_a_line_without_an_end_costs_no_memory() -> None:
    lines = Lines()
    for _ in range(2000):
        assert not list(lines.feed(b"x" * 1000 + b"\r"))
    assert list(lines.feed(b"loss=1\n")) == ["loss=1"]

"""The flags of a command line as parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrecord.wrapper.flags import params, typed


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--lr 0.1 --epochs=10", {"lr": 0.1, "epochs": 10}),
        ("--lr=1e-3 --momentum .9 --shift -0.5", {"lr": 0.001, "momentum": 0.9, "shift": -0.5}),
        ("--no-amp --verbose", {"no_amp": True, "verbose": True}),
        ("-b 32 -j8 -v", {"b": 32, "j": 8, "v": True}),
        ("-lr 0.1", {"lr": 0.1}),
        ("--batch-size 64", {"batch_size": 64}),
        ("--layers 64 64 32 --name wide", {"layers": [64, 64, 32], "name": "wide"}),
        ("--data train.csv 5", {"data": "train.csv", "args": [5]}),
        ("--tag a --tag b --tag c", {"tag": ["a", "b", "c"]}),
        ("optimizer.lr=0.1 model=resnet", {"optimizer.lr": 0.1, "model": "resnet"}),
        ("+trainer.gpus=2 ++seed=1 ~callbacks", {"trainer.gpus": 2, "seed": 1, "args": ["~callbacks"]}),
        ("data/ 10 --amp true --half False", {"args": ["data/", 10], "amp": True, "half": False}),
        ("--flag key=value", {"flag": True, "key": "value"}),
        ("--seed 007 --index 0 --none None", {"seed": "007", "index": 0, "none": None}),
        ("--a 1 -- --b 2", {"a": 1, "args": ["--b", 2]}),
        ("--url=https://x.org/?a=b https://y.org/?c=d", {"url": "https://x.org/?a=b", "args": ["https://y.org/?c=d"]}),
        ("--empty= x", {"empty": "", "args": ["x"]}),
        ("--lr", {"lr": True}),
        ("", {}),
    ],
)
def test_flags_become_parameters_with_types(line: str, found: dict[str, Any]) -> None:
    made = params(line.split())
    assert made == found
    assert [type(value) for value in made.values()] == [type(value) for value in found.values()]


def test_secrets_are_taken_out() -> None:
    line = "--api-key 12345678 --hf_token=abc db.password=hunter2 --max-tokens 100 https://ada:pw@x.org/ TOKEN=1"
    made = json.dumps(params(line.split()))
    for secret in ("12345678", "abc", "hunter2", "ada", "pw@"):
        assert secret not in made
    assert params(line.split())["max_tokens"] == 100


@given(st.lists(st.text(max_size=40), max_size=20))
def test_any_words_are_taken(words: list[str]) -> None:
    made = params(words)
    assert len(made) <= len(words)
    assert all(isinstance(name, str) and name for name in made)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**17), 10**17))
def test_numbers_come_back_as_they_were(number: float) -> None:
    again = typed(repr(number))
    assert again == number
    assert type(again) is type(number)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}[0-9]", fullmatch=True), st.integers(-99, 99), max_size=6))
def test_every_way_to_write_a_flag_says_the_same(values: dict[str, int]) -> None:
    spaced = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    assert params(spaced) == params([f"--{name}={value}" for name, value in values.items()]) == values
    assert params([f"{name}={value}" for name, value in values.items()]) == values

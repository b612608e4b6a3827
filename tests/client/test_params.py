"""Whatever is handed over as parameters becomes a dictionary that the registry takes, and never an exception."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import json
from collections import OrderedDict, namedtuple
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.bodies import read
from registry.bounds import run_bounds
from trackrecord import redact
from trackrecord.batches import encode
from trackrecord.params import leaves, plain
from trackrecord.report import RunReport


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Optimizer:
    name: str = "adam"
    lr: float = 1e-3


@dataclasses.dataclass
class Training:
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    path: Path = Path("data/train")


class LikeOmegaConf(Mapping[str, Any]):
    """A mapping with a value that is missing, as OmegaConf's ??? is."""

    def __getitem__(self, key: str) -> Any:
        if key == "missing":
            raise RuntimeError("Missing mandatory value")
        return {"lr": 0.1, "model": {"depth": 3}}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["lr", "missing", "model"])

    def __len__(self) -> int:
        return 3


class Bag:
    def __init__(self) -> None:
        self.width = 3


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("no repr")

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def _taken(params: object) -> dict[str, Any]:
    made, _ = plain(params)
    report = RunReport(project="p", name="n", started_ms=1, params=redact.mapping(made))
    return dict(read(encode(report), RunReport, run_bounds).params)


def test_every_usual_kind_is_kept() -> None:
    point = namedtuple("point", "x y")
    made = _taken(
        {
            "lr": 0.1,
            "layers": [64, 32],
            "nested": {"deep": {"er": True}},
            "none": None,
            "bad": [float("nan"), float("inf"), float("-inf")],
            "enum": Colour.RED,
            "path": Path("a/b"),
            "set": {3, 1, 2},
            "tuple": (1, "x"),
            "point": point(1, 2),
            "float32": numpy.float32(0.5),
            "int64": numpy.int64(7),
            "array": numpy.arange(3),
            "large": numpy.zeros((100, 100)),
            "function": len,
            "class": Bag,
            "bag": Bag(),
            "ordered": OrderedDict(a=1),
            "huge": 10**30,
            5: "int key",
        }
    )
    assert made == {
        "lr": 0.1,
        "layers": [64, 32],
        "nested": {"deep": {"er": True}},
        "none": None,
        "bad": ["nan", "inf", "-inf"],
        "enum": "RED",
        "path": "a/b",
        "set": [1, 2, 3],
        "tuple": [1, "x"],
        "point": {"x": 1, "y": 2},
        "float32": 0.5,
        "int64": 7,
        "array": [0, 1, 2],
        "large": "(ndarray of 10000 numbers)",
        "function": "len",
        "class": "tests.client.test_params.Bag",
        "bag": {"width": 3},
        "ordered": {"a": 1},
        "huge": str(10**30),
        "5": "int key",
    }


def test_containers_that_are_no_dictionaries() -> None:
    assert _taken(argparse.Namespace(lr=0.1, nested=argparse.Namespace(a=1))) == {"lr": 0.1, "nested": {"a": 1}}
    assert _taken(Training()) == {"optimizer": {"name": "adam", "lr": 0.001}, "path": "data/train"}
    assert _taken(LikeOmegaConf()) == {"lr": 0.1, "missing": "(no value: RuntimeError)", "model": {"depth": 3}}
    assert _taken(None) == {}
    assert _taken([1, 2]) == {"params": [1, 2]}


def test_names_stay_apart_when_they_are_written_with_dots() -> None:
    made = _taken({"a.b": 1, "a": {"b": 2}, 1: "x", "1": "y", "": 0, "two\nlines": 1, "k" * 500: 1})
    flat = dict(leaves(made))
    assert len(flat) == 7
    assert {1, 2} <= set(flat.values())


def test_cycles_depth_and_masses_end() -> None:
    circle: dict[str, Any] = {"lr": 0.1}
    circle["self"] = circle
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(500):
        inner["d"] = {}
        inner = inner["d"]
    made, notes = plain({"circle": circle, "deep": deep, "many": {str(n): n for n in range(50_000)}})
    assert made["circle"] == {"lr": 0.1, "self": "…"}
    assert notes == ["parameters: there are too many; the last ones were not kept"]
    _taken({"circle": circle, "deep": deep, "many": {str(n): n for n in range(50_000)}, "long": "x" * 10_000_000})


def test_objects_that_raise_are_named() -> None:
    made, _ = plain({"a": 1, "hostile": Hostile()})
    assert made["a"] == 1
    assert "Hostile" in made["hostile"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec=None), max_size=8), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_the_registry_takes_whatever_comes_out(params: dict[str, Any]) -> None:
    _taken(params)


@pytest.mark.parametrize(
    "name", ["api_key", "HF_TOKEN", "dbPassword", "wandb_api_key", "client-secret", "password", "auth"]
)
def test_values_under_names_of_secrets_are_gone(name: str) -> None:
    made = _taken({"outer": {name: "hunter2"}})
    assert "hunter2" not in json.dumps(made)
    assert made["outer"][name] == f"[redacted: {name}]"


@pytest.mark.parametrize(
    "name", ["max_tokens", "pad_token", "tokenizer", "num_keys", "author", "eos_token", "key_dim", "passes"]
)
def test_names_of_models_keep_their_values(name: str) -> None:
    assert _taken({name: "<pad>"}) == {name: "<pad>"}
    assert _taken({"token": 3}) == {"token": 3}

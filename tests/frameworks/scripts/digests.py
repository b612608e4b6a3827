"""Digests of data as the libraries hold it: pairs that must be equal, and lists of which no two may be."""

from __future__ import annotations

import datetime
import json
import sys
import tempfile
from typing import Any

import datasets
import numpy
import pandas
import polars
import pyarrow

from trackrecord.capture.values import can_wait, of_value

ROWS = 12_000  # more than the 10,000 that others stop at


def pandas_tables() -> tuple[list[Any], list[list[Any]]]:
    base = pandas.DataFrame(
        {"x": numpy.arange(ROWS), "y": numpy.linspace(0, 1, ROWS), "ok": numpy.arange(ROWS) % 2 == 0}
    )
    base["when"] = pandas.date_range("2020-01-01", periods=ROWS, freq="s")
    changes = {"x": 0, "y": 0.0, "ok": True}
    different: list[Any] = [base, base[::-1], base[["y", "x", "ok", "when"]], base.rename(columns={"x": "z"})]
    for column, value in changes.items():  # each of them has one digest with the base in MLflow
        zeroed = base.copy()
        zeroed.loc[10_000:, column] = value
        different.append(zeroed)
    different.append(base.assign(when=base.when + pandas.DateOffset(years=1)))
    different.append(base.set_index("x"))
    different.append(base.assign(when=base.when.dt.tz_localize("UTC")))
    different.append(
        base.assign(when=base.when.dt.tz_localize("Europe/Berlin", ambiguous=True, nonexistent="shift_forward"))
    )
    words = pandas.Series(["a", "b", None, "a"])
    different += [
        words, words.astype(object), words.astype("category"), words.astype("category").cat.as_ordered(),
        words.astype("category").cat.add_categories("c"), words.fillna("nan"), words.rename("w"), words[::-1],
        pandas.Series([1, 2, None], dtype="Int64"), pandas.Series([1, 2, 0], dtype="Int64"),
        pandas.Series([1, 2, None], dtype="Int32"), pandas.Series([1, 2, None]), pandas.Series([1, 2, 0]),
        pandas.Series([True, False, None], dtype="boolean"), pandas.Series([True, False, False], dtype="boolean"),
        pandas.Series([1.5, None], dtype="Float64"), pandas.Series([1.5, 0], dtype="Float64"),
        pandas.Series(pandas.period_range("2020-01", periods=3, freq="M")),
        pandas.Series(pandas.period_range("2020-01", periods=3, freq="Q")),
        pandas.Series(pandas.interval_range(0, 3)), pandas.Series(pandas.interval_range(0, 3, closed="left")),
        pandas.Series([pandas.Timestamp(1), pandas.NaT]), pandas.Series([pandas.Timestamp(2), pandas.NaT]),
        pandas.Series([pandas.Timestamp(1), "x"], dtype=object),
        pandas.Series([pandas.Timestamp(2), "x"], dtype=object),
        pandas.Series([[1, 2], [3]]), pandas.Series([[1], [2, 3]]), pandas.Series(["1", 2], dtype=object),
        pandas.Series([1, "2"], dtype=object), pandas.Series(pandas.arrays.SparseArray([0, 0, 1])),
        pandas.Series([1, 2], dtype=pandas.ArrowDtype(pyarrow.int64())), pandas.Series([1, 2], dtype="int64"),
        pandas.DataFrame({"a": [1, 2]}, index=pandas.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        pandas.DataFrame({"a": [1, 2]}, index=pandas.MultiIndex.from_tuples([("x", 1), ("y", 3)])),
        pandas.DataFrame({1: [1, 2]}), pandas.DataFrame({"1": [1, 2]}), pandas.DataFrame([[1, 2]], columns=["a", "a"]),
        pandas.DataFrame(), pandas.DataFrame({"a": []}), pandas.Index([1, 2]), pandas.Index(["1", "2"]),
    ]  # fmt: skip
    same = [
        [base, base.copy(), pandas.concat([base[: ROWS // 2], base[ROWS // 2 :]]), base[::-1][::-1]],
        [words.astype("category"), words.astype("category").copy()],
        [pandas.Series([1, 2]), pandas.Series([1, 0, 2])[[True, False, True]].reset_index(drop=True)],
    ]
    return different, same


def polars_tables() -> tuple[list[Any], list[list[Any]]]:
    base = polars.DataFrame(
        {"x": range(ROWS), "y": [value / 7 for value in range(ROWS)], "s": [str(n) for n in range(ROWS)]}
    )
    day = datetime.datetime(2020, 1, 1)  # noqa: DTZ001
    different = [
        base, base.reverse(), base.select("y", "x", "s"), base.rename({"x": "z"}), base.with_columns(x=polars.col("y")),
        base.with_columns(y=polars.when(polars.col("x") > 10_000).then(0.0).otherwise(polars.col("y"))),
        base.with_columns(x=polars.col("x").cast(polars.Int32)),
        base.with_columns(s=polars.col("s").cast(polars.Categorical)),
        polars.Series("a", [1, None, 3]), polars.Series("a", [1, 0, 3]), polars.Series("b", [1, 0, 3]),
        polars.Series("a", [[1], [2, 3]]), polars.Series("a", [[1, 2], [3]]),
        polars.Series("a", [{"x": 1}, {"x": None}]),
        polars.Series("a", [day, None]), polars.Series("a", [day, None]).dt.cast_time_unit("ms"),
        polars.Series("a", [2**62 + 1, None]), polars.Series("a", [2**62, None]), polars.Series("a", [True, None]),
        polars.Series("a", [float("nan"), None]), polars.Series("a", [None, float("nan")]),
    ]  # fmt: skip
    return different, [[base, base.clone(), polars.concat([base[:100], base[100:]])]]


def arrow_tables() -> tuple[list[Any], list[list[Any]]]:
    base = pyarrow.table({"x": list(range(ROWS)), "s": [None if n % 3 else str(n) for n in range(ROWS)]})
    nested = pyarrow.array([[1, 2], None, [], [3]])
    different = [
        base, base.slice(1), base.select(["s", "x"]), base.rename_columns(["y", "s"]), nested, nested.slice(1),
        pyarrow.array([[1], None, [], [2, 3]]), pyarrow.array([[1, 2], [], [], [3]]),
        pyarrow.array([[1, 2], [3, 4]], pyarrow.list_(pyarrow.int64(), 2)), pyarrow.array([[1, 2], [3, 4]]),
        pyarrow.array([{"a": 1}, None]), pyarrow.array([{"a": 1}, {"a": None}]), pyarrow.array([{"b": 1}, None]),
        pyarrow.array([1, None]), pyarrow.array([1, 0]), pyarrow.array([1, None], pyarrow.int32()),
        pyarrow.array([1, 2], pyarrow.timestamp("ns")), pyarrow.array([1, 3], pyarrow.timestamp("ns")),
        pyarrow.array([1, 2], pyarrow.timestamp("ns", "UTC")), pyarrow.array([1, 2], pyarrow.date32()),
        pyarrow.array(["a", "b", "a"]).dictionary_encode(), pyarrow.array(["a", "b", "a"]), pyarrow.nulls(3),
        pyarrow.array([True, None]), pyarrow.array([True, False]), pyarrow.array([b"a", None]),
        pyarrow.array([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    ]  # fmt: skip
    pieces = [base.slice(start, 777) for start in range(0, ROWS, 777)]
    return different, [
        [base, pyarrow.concat_tables(pieces), base.combine_chunks()],
        [nested, pyarrow.chunked_array([nested.slice(0, 1), nested.slice(1)])],
        [pyarrow.array([1, 2, 3]).slice(1), pyarrow.array([2, 3])],
    ]


def hugging_face() -> tuple[list[Any], list[list[Any]]]:
    base = datasets.Dataset.from_dict(
        {"text": [f"row {n}" for n in range(ROWS)], "label": [n % 2 for n in range(ROWS)]}
    )
    named = base.cast_column("label", datasets.ClassLabel(names=["cat", "dog"]))
    other = base.cast_column("label", datasets.ClassLabel(names=["dog", "cat"]))
    flipped = datasets.Dataset.from_dict(
        {"text": base["text"], "label": [n % 2 if n < 11_000 else 1 for n in range(ROWS)]}
    )
    with tempfile.TemporaryDirectory() as folder:
        base.save_to_disk(folder)
        kept = datasets.load_from_disk(folder)
        digest = of_value(kept).digest
    assert digest == of_value(base).digest  # another fingerprint, the same content
    different = [
        base, named, other, flipped, base.select(range(ROWS - 1)), base.shuffle(seed=1), base.remove_columns("label"),
        datasets.DatasetDict(train=base), datasets.DatasetDict(test=base),
    ]  # fmt: skip
    same = [
        [base, base.select(range(ROWS)), base.with_format("numpy"), base.map(lambda row: row)],
        [named, named.filter(lambda row: True, keep_in_memory=True)],
    ]
    return different, same


def tensors() -> tuple[list[Any], list[list[Any]]]:
    import torch

    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    large = torch.zeros(3000, 3000, dtype=torch.bfloat16)
    other = large.clone()
    other[2999, 2999] = 1
    different = [
        base, base.T.contiguous(), base.double(), base.half(), base.bfloat16(), base.reshape(-1), base + 1,
        base.to(torch.float8_e4m3fn), base.to(torch.float8_e5m2), large, other, torch.tensor(1.0), torch.tensor(1),
        torch.utils.data.TensorDataset(base), torch.utils.data.TensorDataset(base, base), {"w": base},
    ]  # fmt: skip
    grown = base.clone().requires_grad_()
    turned = large.T.contiguous().T
    assert not turned.is_contiguous()
    same = [[base, base.clone(), base.T.contiguous().T, grown, torch.nn.Parameter(base), base.numpy()], [large, turned]]
    for bad in (base.to_sparse(), torch.nn.Linear(2, 2), torch.utils.data.DataLoader([1])):
        try:
            of_value(bad)
        except TypeError:
            continue
        raise AssertionError(type(bad))
    return different, same


def images() -> dict[str, Any]:
    """Images in a dataset: by their bytes they are content, by their names only they are not."""
    picture = {"bytes": b"\x89PNG not really", "path": None}
    rows = [picture, {"bytes": None, "path": "/nowhere/a.png"}]
    features = datasets.Features({"image": datasets.Image()})
    tables = [pyarrow.table({"image": pyarrow.array([row], features.arrow_schema.field("image").type)}) for row in rows]
    made = [datasets.Dataset(each, info=datasets.DatasetInfo(features=features)) for each in tables]
    assert of_value(made[0]).digest != of_value(made[1]).digest
    return {"partial": [of_value({"train": each}).partial for each in made]}


def main() -> None:
    kinds = {
        "pandas": pandas_tables,
        "polars": polars_tables,
        "arrow": arrow_tables,
        "datasets": hugging_face,
        "torch": tensors,
    }
    for name in sys.argv[1:]:
        different, same = kinds[name]()
        digests = [of_value(each).digest for each in different]
        twice = sorted(
            (one, other) for one in range(len(digests)) for other in range(one) if digests[one] == digests[other]
        )
        unequal = [at for at, each in enumerate(same) if len({of_value(one).digest for one in each}) != 1]
        fixed = sum(map(can_wait, different))
        print(
            json.dumps({"library": name, "twice": twice, "unequal": unequal, "count": len(different), "fixed": fixed})
        )
    if "datasets" in sys.argv:
        print(json.dumps(images()))


main()

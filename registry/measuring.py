"""Reads labels and predictions of strangers and prints what the measure comes to. Runs as the child of
`registry.predictions`: little memory, little time, nothing to lose. Nothing here is ever unpickled.
"""

from __future__ import annotations

import csv
import json
import math
import resource
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from registry.measures import REGRESSION, Predicted, Undefined, in_order, measure

MOST_ROWS = 10_000_000
_MEMORY_BYTES = 6_000_000_000
_CPU_SECONDS = 110
_CLASS = "class:"

Columns = dict[str, Any]  # name -> array, one value for each example; "probabilities" has one row for each


def main(name: str, labels: str, said: str, format: str) -> None:
    """Print {"value", "count"} or {"trouble"} as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    csv.field_size_limit(1_000_000)
    try:
        print(json.dumps(_measured(name, Path(labels), Path(said), format), allow_nan=False))
    except Undefined as undefined:
        print(json.dumps({"trouble": str(undefined)}))


def _measured(name: str, labels: Path, said: Path, format: str) -> dict[str, float]:
    truth = read(labels, format_of(labels))
    guesses = read(said, format)
    if "label" not in truth:
        raise Undefined(f"the labels' file has no column named label; it has {', '.join(list(truth)[:6])[:200]}")
    order = _matched(truth, guesses)
    wanted = truth["label"]
    right = _floats(wanted, "label") if name in REGRESSION else _texts(wanted)
    value = measure(name, right, _predicted(name, guesses, order))
    if not math.isfinite(value):
        raise Undefined("the value is not a finite number")
    return {"value": value, "count": len(right)}


def format_of(path: Path) -> str:
    """By the first bytes: stored files have no extension."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return "npz"
    return "arrow" if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")) else "csv"


def read(path: Path, format: str) -> Columns:
    """The columns of a file, of equal length. Raises Undefined for what is not of that format."""
    readers = {"npz": _npz, "csv": _csv, "arrow": _arrow}
    try:
        columns = readers[format](path)
    except Undefined:
        raise
    except Exception as problem:  # noqa: BLE001 - a stranger's bytes make the readers raise nearly anything
        raise Undefined(f"the file is no readable {format} ({type(problem).__name__})") from None
    lengths = {len(column) for name, column in columns.items() if name != "classes"}
    if len(lengths) != 1:
        raise Undefined("its columns are of different lengths" if lengths else "the file has no columns")
    if max(lengths) > MOST_ROWS:
        raise Undefined(f"it has more than {MOST_ROWS:,} rows")
    return columns


def _npz(path: Path) -> Columns:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MEMORY_BYTES // 3:
            raise Undefined("unpacked it is too large")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _csv(path: Path) -> Columns:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = next(rows, [])
        if not names or len(set(names)) != len(names):
            raise Undefined("its first line must name the columns, each once")
        columns: list[list[str]] = [[] for _ in names]
        for number, row in enumerate(rows, 2):
            if len(row) != len(names):
                raise Undefined(f"line {number} has {len(row)} fields, the first line names {len(names)}")
            if number > MOST_ROWS + 1:
                raise Undefined(f"it has more than {MOST_ROWS:,} rows")
            for column, field in zip(columns, row, strict=True):
                column.append(field)
    return {name: np.array(column, np.str_) for name, column in zip(names, columns, strict=True)}


def _arrow(path: Path) -> Columns:
    with pa.OSFile(str(path)) as source:
        start = source.read(6)
        source.seek(0)
        opened = pa.ipc.open_file(source) if start == b"ARROW1" else pa.ipc.open_stream(source)
        for field in opened.schema:
            if not (pa.types.is_primitive(field.type) or _is_text(field.type) or pa.types.is_dictionary(field.type)):
                raise Undefined(f"the column {field.name[:40]} is of the type {str(field.type)[:40]}, not plain values")
        table = opened.read_all()
        table.validate(full=True)  # offsets that point elsewhere would be followed
    columns: Columns = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count:
            raise Undefined(f"the column {name[:40]} has empty values")
        columns[name] = np.array(column.to_pylist())
    return columns


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _matched(truth: Mapping[str, Any], guesses: Mapping[str, Any]) -> Any:
    """Where the prediction for each label stands: by id where both name ids, else by position."""
    examples, rows = len(truth["label"]), len(next(iter(guesses.values())))
    if "id" not in truth or "id" not in guesses:
        if examples != rows:
            raise Undefined(f"there are {examples:,} labels and {rows:,} predictions, and no ids to match them by")
        return np.arange(examples)
    wanted, given = _texts(truth["id"]).tolist(), _texts(guesses["id"]).tolist()
    place = {each: at for at, each in enumerate(given)}
    if len(place) != len(given):
        raise Undefined(f"{len(given) - len(place):,} predictions have an id that another one has")
    if len(set(wanted)) != len(wanted):
        raise Undefined("the labels' ids are not distinct")
    missing, surplus = set(wanted) - set(place), set(place) - set(wanted)
    if missing or surplus:
        raise Undefined(f"{len(missing):,} labels have no prediction, {len(surplus):,} predictions no label")
    return np.array([place[each] for each in wanted], np.int64)


def _predicted(name: str, guesses: Columns, order: Any) -> Predicted:
    values = guesses.get("prediction")
    if values is not None:
        values = (_floats(values, "prediction") if name in REGRESSION else _texts(values))[order]
    positive = next((guesses[each] for each in ("probability", "score") if each in guesses), None)
    if positive is not None:
        positive = _floats(positive, "probability")[order]
    columns, table = _by_class(guesses)
    return Predicted(values, positive, None if table is None else table[order], columns)


def _by_class(guesses: Columns) -> tuple[tuple[str, ...], Any]:
    """The table of probabilities: one array with its classes, or a column `class:NAME` for each."""
    if "probabilities" in guesses:
        table = _floats(guesses["probabilities"], "probabilities")
        if table.ndim != 2 or "classes" not in guesses or len(guesses["classes"]) != table.shape[1]:
            raise Undefined("probabilities need one column for each of classes")
        return _distinct(_texts(guesses["classes"]).tolist()), table
    named = [each for each in guesses if each.startswith(_CLASS)]
    if not named:
        return (), None
    columns = _distinct(_texts(np.array([each.removeprefix(_CLASS) for each in named])).tolist())
    return columns, np.column_stack([_floats(guesses[each], each) for each in named])


def _distinct(classes: list[str]) -> tuple[str, ...]:
    if len(in_order(classes)) != len(classes):
        raise Undefined("a class is named twice")
    return tuple(classes)


def _floats(column: Any, name: str) -> Any:
    if column.dtype.kind not in "biufU":
        raise Undefined(f"{name} is not a column of numbers")
    try:
        numbers = column.astype(np.float64)
    except ValueError:
        raise Undefined(f"{name} has something in it that is no number") from None
    if not np.isfinite(numbers).all():
        raise Undefined(f"{name} has NaN or infinity in it")
    return numbers


def _texts(column: Any) -> Any:
    """Classes and ids as texts; a whole number is spelled one way, however it was written."""
    if column.dtype.kind not in "biufU" or column.ndim != 1:
        raise Undefined("classes and ids must be texts or numbers, one for each example")
    if column.dtype.kind == "f":
        if not np.isfinite(column).all():
            raise Undefined("a class or id is NaN or infinite")
        return np.array([str(int(each)) if each == int(each) else repr(each) for each in column.tolist()])
    if column.dtype.kind == "U":
        return np.array([_spelled(each) for each in column.tolist()], np.str_)
    return column.astype(np.int64).astype(np.str_)


def _spelled(text: str) -> str:
    """ "3.0" is 3; "03" and "1e3" stay texts."""
    whole, dot, rest = text.strip().partition(".")
    return whole if dot and whole.removeprefix("-").isdecimal() and not rest.strip("0") else text.strip()

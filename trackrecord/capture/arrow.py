"""The content of what Arrow holds, and of Hugging Face's datasets, which are Arrow underneath.

How the data is cut into chunks is no content: everything is read in blocks of equal size.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from trackrecord.capture.content import Part, Partial, Values, Whole, line, several

_ROWS = 65_536  # that are read at a time
_WIDE = 512  # where a row may be an image


def of_arrow(value: Any) -> Iterator[Part] | None:
    arrow: Any = importlib.import_module("pyarrow")  # it is imported: the value is one of its objects
    if isinstance(value, arrow.Table | arrow.RecordBatch):
        return _arrow_table(value)
    if isinstance(value, arrow.Array | arrow.ChunkedArray):
        return _arrow_columns([("", value)], len(value))
    return several(line("arrow", value.type), Whole(value.as_py())) if isinstance(value, arrow.Scalar) else None


def _arrow_table(table: Any) -> Iterator[Part]:
    yield line("arrow", table.num_rows, table.num_columns)
    names = [str(field.name) for field in table.schema]
    yield from _arrow_columns(list(zip(names, table.columns, strict=True)), table.num_rows)


def _arrow_columns(columns: list[tuple[str, Any]], rows: int) -> Iterator[Part]:
    """Column by column and in blocks of equal size: how the data is cut into chunks is no content."""
    for name, column in columns:
        yield line("column", name, column.type, rows)
        size = _ROWS if column.type.num_fields == 0 and _is_number(column.type) else _WIDE
        for start in range(0, rows, size):
            block = column.slice(start, size)
            joined = block.combine_chunks() if hasattr(block, "combine_chunks") else block
            for each in getattr(joined, "chunks", [joined]):
                yield from _cells(each)


def _is_number(kind: Any) -> bool:
    types: Any = importlib.import_module("pyarrow").types
    return bool(types.is_integer(kind) or types.is_floating(kind))


def _cells(cells: Any) -> Iterator[Part]:
    """One array of Arrow: numbers as arrays, what is nested by its lengths and what is inside, the rest by value."""
    arrow: Any = importlib.import_module("pyarrow")
    compute: Any = importlib.import_module("pyarrow.compute")
    kind, types = cells.type, arrow.types
    if isinstance(kind, arrow.BaseExtensionType):
        yield from _cells(cells.storage)
    elif _is_number(kind):
        yield from _numbers(cells)
    elif types.is_temporal(kind) and not types.is_interval(kind):
        yield from _numbers(cells.view(arrow.int32() if kind.bit_width == 32 else arrow.int64()))
    elif types.is_list(kind) or types.is_large_list(kind):
        yield Values(compute.list_value_length(cells).to_pylist())
        yield from _cells(cells.flatten())
    elif types.is_fixed_size_list(kind):
        yield Values(cells.is_null().to_pylist())
        yield from _cells(cells.flatten())
    elif types.is_struct(kind):
        yield Values(cells.is_null().to_pylist())
        for inner in cells.flatten():
            yield from _cells(inner)
    elif types.is_dictionary(kind):
        yield from _cells(cells.dictionary_decode())
    else:
        yield Values(cells.to_pylist())


def _numbers(cells: Any) -> Iterator[Part]:
    """Where it is null, and the numbers with nought in those places."""
    if not cells.null_count:
        yield line("all")
        yield Whole(cells.to_numpy(zero_copy_only=False))
        return
    yield line("some")
    yield Whole(cells.is_null().to_numpy(zero_copy_only=False))
    yield Whole(cells.fill_null(0).to_numpy(zero_copy_only=False))


def of_dataset(value: Any) -> Iterator[Part] | None:
    """A Dataset of Hugging Face as Arrow has it, rows in the order in which it gives them out."""
    if isinstance(value, dict):
        return None  # one for each split: a mapping
    if not hasattr(value, "with_format") or not hasattr(value, "num_rows"):
        raise TypeError(f"a {type(value).__name__} is a stream: there is no end to read to")
    return _dataset(value)


def _dataset(dataset: Any) -> Iterator[Part]:
    yield line("dataset", dataset.num_rows, *dataset.column_names)
    for name in dataset.column_names:
        yield line("names", name, *_classes(dataset.features[name]))
    files = [name for name, kind in dataset.features.items() if type(kind).__name__ in ("Image", "Audio", "Video")]
    for batch in dataset.with_format("arrow").iter(batch_size=_WIDE):
        yield from _arrow_table(batch)
        for name in [name for name in files if _without_bytes(batch.column(name))]:
            yield Partial(f"the files that {name} names were not read")
            files.remove(name)


def _classes(feature: Any) -> tuple[str, ...]:
    """What the numbers of a column of classes are called."""
    while hasattr(feature, "feature"):  # a list of them
        feature = feature.feature
    return tuple(getattr(feature, "names", None) or ())


def _without_bytes(column: Any) -> bool:
    """Whether images or sounds stand there by the names of their files only."""
    chunks = [getattr(chunk, "storage", chunk) for chunk in column.chunks]
    return any(chunk.field("bytes").null_count > chunk.null_count for chunk in chunks if hasattr(chunk, "field"))

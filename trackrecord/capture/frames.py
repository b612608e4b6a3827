"""The content of what data libraries hold: pandas, polars, torch, Pillow; Arrow and Hugging Face are in `arrow`.

Each is asked only where it is imported already, by what it says of itself in public. The parts that come out are bytes,
arrays and plain values; `values` makes bytes of those.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from trackrecord.capture import arrow
from trackrecord.capture.content import Part, Values, Whole, line, several

_ROWS = 65_536  # that are read at a time
_ELEMENTS = 1 << 22  # of a tensor


def library(value: Any) -> str | None:
    """The library that a value is of, by its class or one of its bases; None: of none that is known here."""
    for each in type(value).__mro__:
        name = str(getattr(each, "__module__", "")).partition(".")[0]
        if name in _LIBRARIES:
            return name
    return None


def pieces(value: Any) -> Iterator[Part] | None:
    """The parts of a library's object; None where it is one that is read in another way (a scalar, a mapping)."""
    return _LIBRARIES[library(value) or ""](value)


def _pandas(value: Any) -> Iterator[Part] | None:
    kind = next((each.__name__ for each in type(value).__mro__ if each.__module__.startswith("pandas")), "")
    if kind == "DataFrame":
        return _frame(value)
    if kind == "Series":
        return _series(value)
    if hasattr(value, "dtype") and hasattr(value, "to_numpy"):  # an index, or an array of pandas's own
        return _index(value) if hasattr(value, "names") else _column(value)
    return None if kind in ("Timestamp", "Timedelta") else several(line("pandas", kind, _described(value)))


def _described(value: Any) -> str:
    """A scalar of pandas: a Period by its number and frequency, an Interval by its ends, NA by its name."""
    if hasattr(value, "ordinal"):
        return f"{value.ordinal} {value.freqstr}"
    if hasattr(value, "closed"):
        return f"{value.left!r} {value.right!r} {value.closed}"
    return repr(value)


def _frame(table: Any) -> Iterator[Part]:
    yield line("table", len(table), len(table.columns))
    yield from _index(table.columns)
    yield from _index(table.index)
    for position in range(len(table.columns)):
        yield from _column(table.iloc[:, position])


def _series(series: Any) -> Iterator[Part]:
    yield line("series")
    yield Whole(series.name)
    yield from _index(series.index)
    yield from _column(series)


def _index(index: Any) -> Iterator[Part]:
    yield line("index", index.nlevels)
    for level in range(index.nlevels):
        yield Whole(index.names[level])
        yield from _column(index.get_level_values(level))


def _column(column: Any) -> Iterator[Part]:
    """One column, index or array of pandas: as an array of numpy where it is one, else by blocks of rows."""
    kind = column.dtype
    yield line("column", kind, len(column))
    categories = getattr(kind, "categories", None)
    if categories is not None:
        yield line("categories", kind.ordered)
        yield from _column(categories)
        codes = getattr(column, "cat", column).codes
        yield Whole(codes.to_numpy() if hasattr(codes, "to_numpy") else codes)
    elif type(kind).__module__.startswith("numpy") and not kind.hasobject:
        yield Whole(column.to_numpy())
    elif getattr(kind, "tz", None) is not None:
        yield Whole(getattr(column, "dt", column).tz_convert(None).to_numpy())  # the zone stands in the type
    else:
        for start in range(0, len(column), _ROWS):
            rows = slice(start, start + _ROWS)
            yield from _cells_of(column.iloc[rows] if hasattr(column, "iloc") else column[rows])


def _cells_of(block: Any) -> Iterator[Part]:
    """Some rows of a column that is no array of numpy: numbers with gaps as such, else value by value."""
    plain = getattr(block.dtype, "numpy_dtype", None)
    if plain is not None and plain.kind in "iufb":
        yield Whole(getattr(block.isna(), "to_numpy", block.isna)())
        yield Whole(block.fillna(plain.type(0)).to_numpy(dtype=plain))
    else:
        yield Values(block.to_numpy(dtype=object))


def _polars(value: Any) -> Iterator[Part] | None:
    if hasattr(value, "get_columns"):
        return _polars_frame(value)
    return _polars_series(value) if hasattr(value, "to_physical") and hasattr(value, "is_null") else None


def _polars_frame(table: Any) -> Iterator[Part]:
    yield line("polars", table.height, table.width)
    for series in table.get_columns():
        yield from _polars_series(series)


def _polars_series(series: Any) -> Iterator[Part]:
    yield line("column", series.name, series.dtype, len(series))
    if series.dtype.is_nested() and "'ns'" in str(series.dtype):
        raise TypeError(f"the column {series.name} has nanoseconds inside of lists, which could not be read whole")
    numeric = series.dtype.is_integer() or series.dtype.is_float()
    for start in range(0, len(series), 16 * _ROWS if numeric else _ROWS):
        block = series.slice(start, 16 * _ROWS if numeric else _ROWS)
        if numeric:
            yield Whole(block.is_null().to_numpy())
            yield Whole(block.fill_null(0).to_numpy())
        elif series.dtype.is_temporal():
            yield Values(block.to_physical().to_list())
        else:
            yield Values(block.to_list())


def _torch(value: Any) -> Iterator[Part] | None:
    if hasattr(value, "tensors") and not hasattr(value, "dtype"):  # a TensorDataset
        return several(line("tensors", len(value.tensors)), *(Whole(each) for each in value.tensors))
    return _tensor(value) if hasattr(value, "dtype") and hasattr(value, "detach") else None


def _tensor(tensor: Any) -> Iterator[Part]:
    """As numpy would have it, so that equal numbers are equal; types that numpy has not by their bytes."""
    if str(tensor.layout) != "torch.strided" or getattr(tensor, "is_quantized", False):
        raise TypeError(f"a tensor of layout {tensor.layout} has no content that could be read")
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.device.type == "cpu":
        try:
            yield Whole(plain.numpy())
            return
        except TypeError:  # bfloat16 and other types that numpy has not
            pass
    torch: Any = importlib.import_module("torch")  # it is imported: the value is one of its objects
    yield line("tensor", plain.dtype, *plain.shape)
    for block in _in_order(plain):
        yield block.cpu().view(torch.uint8).numpy().data


def _in_order(tensor: Any) -> Iterator[Any]:
    """Its elements, a block at a time."""
    if tensor.numel() <= _ELEMENTS:
        yield tensor.contiguous().reshape(-1)
    elif tensor.is_contiguous():
        yield from tensor.reshape(-1).split(_ELEMENTS)
    else:
        for inner in tensor.unbind(0):
            yield from _in_order(inner)


def _pil(image: Any) -> Iterator[Part] | None:
    """An image by its mode, size, palette and pixels."""
    if not hasattr(image, "tobytes"):
        return None
    if getattr(image, "n_frames", 1) > 1:
        raise TypeError("an image of several frames has no content that could be read: hand over its path")
    return several(line("image", image.mode, *image.size), Whole(image.getpalette()), Whole(image.tobytes()))


_LIBRARIES: dict[str, Callable[[Any], Iterator[Part] | None]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": arrow.of_arrow,
    "datasets": arrow.of_dataset,
    "torch": _torch,
    "PIL": _pil,
}

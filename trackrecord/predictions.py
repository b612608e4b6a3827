"""What a script predicted, as a file that the registry can measure: a file of the script's, or values in memory."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackrecord import files
from trackrecord.folder import Folder

_FORMATS = {".arrow": "arrow", ".feather": "arrow", ".csv": "csv", ".npz": "npz"}


def take(folder: Folder, source: Any, metric: str, step: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of an ArtifactReport and of a PredictionsReport. Raises OSError, ValueError."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        form = _FORMATS.get(path.suffix.lower())
        if form is None or path.is_dir():
            raise ValueError("a file of predictions ends in .arrow, .feather, .csv or .npz")
        (artifact,) = files.take(folder, path, f"predictions/{metric}.{form}", step)
    else:
        form, content = _written(_columns(source))
        digest = hashlib.sha256(content).hexdigest()
        folder.owe(digest, content)
        name = files.named(f"predictions/{metric}.{form}")
        artifact = {"name": name, "digest": digest, "size": len(content), "step": step}
    return artifact, {"metric": metric, "digest": artifact["digest"], "format": form, "step": step}


def _columns(source: Any) -> dict[str, Any]:
    """Columns by name of a mapping, a table of pandas, polars or Arrow, or of bare values."""
    if isinstance(source, Mapping):
        return {str(name): column for name, column in source.items()}
    names = getattr(source, "column_names", None)  # Arrow
    if names is not None:
        return {str(name): source.column(name) for name in names}
    names = getattr(source, "columns", None)  # pandas, polars
    if names is not None:
        return {str(name): source[name] for name in names}
    values = _plain(source)
    if len(getattr(values, "shape", ())) == 2:
        return {"probabilities": values, "classes": list(range(values.shape[1]))}
    return {"prediction": values}


def _plain(values: Any) -> Any:
    """A tensor without its graph and its device; anything else as it is."""
    for method in ("detach", "cpu"):
        if callable(getattr(values, method, None)):
            values = getattr(values, method)()
    return values


def _written(columns: Mapping[str, Any]) -> tuple[str, bytes]:
    """(format, bytes): .npz where the script has numpy, else CSV."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return "csv", _csv(columns)
    arrays = {name: _array(numpy, name, _plain(column)) for name, column in columns.items()}
    out = io.BytesIO()
    if "file" in arrays:
        raise ValueError("a column cannot be named file")  # savez has a parameter of that name
    numpy.savez_compressed(out, **arrays)
    return "npz", out.getvalue()


def _array(numpy: Any, name: str, column: Any) -> Any:
    made = numpy.asarray(column)
    if made.dtype.kind in "OT":  # texts of pandas and others
        values = made.tolist()
        if not all(isinstance(each, str) for each in values):
            raise ValueError(f"the column {name} is neither of numbers nor of texts")
        made = numpy.array(values, dtype=str)
    if made.dtype.kind not in "biufU":
        raise ValueError(f"the column {name} is neither of numbers nor of texts")
    return made


def _csv(columns: Mapping[str, Any]) -> bytes:
    plain = dict(columns)
    if "probabilities" in plain:
        rows = [list(row) for row in plain.pop("probabilities")]
        classes = list(plain.pop("classes", range(len(rows[0]) if rows else 0)))
        plain.update({f"class:{name}": [row[at] for row in rows] for at, name in enumerate(classes)})
    lists = [_plain(column) for column in plain.values()]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(plain)
    writer.writerows(zip(*lists, strict=True))
    return out.getvalue().encode()

"""Files of strangers: rows are matched, and whatever cannot be read is said in words."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import measuring
from registry.artifacts import Store
from registry.measures import Undefined
from registry.predictions import recompute
from tests.soak import count
from tests.storage.test_history import LAST

pytestmark = pytest.mark.soak


LABELS = b"id,label\na,0\nb,1\nc,1\nd,0\n"


def npz(**columns: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **columns)
    return out.getvalue()


def arrow(columns: dict[str, Any], *, stream: bool = False) -> bytes:
    table, out = pa.table(columns), io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


ROWS = {"id": ["d", "c", "b", "a"], "prediction": [0, 1, 1, 1]}
GOOD = [
    ("csv", b"id,prediction\nd,0\nc,1\nb,1\na,1\n"),
    ("csv", b"\xef\xbb\xbfprediction\r\n1.0\r\n1\r\n1\r\n0\r\n"),
    ("npz", npz(**ROWS)),
    ("npz", npz(probabilities=np.array([[0, 1], [0, 1], [0, 1], [1, 0]]), classes=np.array([0, 1]))),
    ("arrow", arrow(ROWS)),
    ("arrow", arrow(ROWS, stream=True)),
    ("csv", b"class:0,class:1\n0,1\n0,1\n0,1\n1,0\n"),
]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("prediction.npy", "w") as entry:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000,), }"
        entry.write(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + bytes(1_000_000))
    return out.getvalue()


BAD = [
    ("csv", b"", "no columns|first line"),
    ("csv", b"id,prediction\na,0\na,1\nb,1\nc,1\n", "an id that another one has"),
    ("csv", b"id,prediction\na,0\nb,1\n", "2 labels have no prediction"),
    ("csv", b"id,prediction\na,0\nb,1\nc,1\nd,0\ne,1\n", "1 predictions no label"),
    ("csv", b"prediction\n1\n", "4 labels and 1 predictions"),
    ("csv", b"prediction,prediction\n1,1\n", "each once"),
    ("csv", b"prediction\n1\n1,2\n1\n1\n", "line 3 has 2 fields"),
    ("csv", b"prediction\n\xff\xfe\n", "no readable csv"),
    ("npz", npz(prediction=np.array([object()] * 4)), "no readable npz"),
    ("npz", npz(prediction=np.array([1.0, np.nan, 1.0, 1.0])), "NaN"),
    ("npz", b"PK\x03\x04", "no readable npz"),
    ("npz", bomb(), "cannot be read|no readable"),
    ("arrow", arrow({"prediction": [1, None, 1, 0]}), "empty values"),
    ("arrow", arrow({"prediction": [[1], [1], [1], [0]]}), "not plain values"),
    ("arrow", b"ARROW1", "no readable arrow"),
]


def put(store: Store, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    store.put([content], digest, 1 << 30)
    return digest


def asked(store: Store, labels: str | None, **changes: Any) -> Any:
    fields = {name: getattr(LAST, name) for name in LAST.__dataclass_fields__}
    return type(LAST)(**{**fields, "measure": "accuracy", "labels": labels, **changes})


@pytest.mark.parametrize(("format", "content"), [GOOD[0], GOOD[3], GOOD[4]])
def test_a_child_computes_it(tmp_path: Path, format: str, content: bytes) -> None:
    store = Store(tmp_path)
    found = recompute(store, asked(store, put(store, LABELS)), put(store, content), format, 7)
    assert (found.value, found.count, found.step, found.trouble) == (0.75, 4, 7, "")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    labels = put(store, LABELS)
    assert "trackrecord upload" in recompute(store, asked(store, "0" * 64), labels, "csv", None).trouble
    assert "not in the store yet" in recompute(store, asked(store, labels), "0" * 64, "csv", None).trouble
    assert "labels themselves" in recompute(store, asked(store, labels), labels, "csv", None).trouble
    assert recompute(store, asked(store, labels), put(store, bomb()), "npz", None).trouble


def measured(folder: Path, format: str, content: bytes) -> dict[str, float]:
    labels, said = folder / "labels", folder / "said"
    labels.write_bytes(LABELS)
    said.write_bytes(content)
    return measuring._measured("accuracy", labels, said, format)


@pytest.mark.parametrize(("format", "content"), GOOD)
def test_every_format_gives_the_same(tmp_path: Path, format: str, content: bytes) -> None:
    assert measured(tmp_path, format, content) == {"value": 0.75, "count": 4}


@pytest.mark.parametrize(("format", "content", "words"), [each for each in BAD if len(each[1]) != len(bomb())])
def test_bad_files_are_refused_in_words(tmp_path: Path, format: str, content: bytes, words: str) -> None:
    with pytest.raises(Undefined, match=words):
        measured(tmp_path, format, content)


@settings(max_examples=count(60, 5_000), deadline=None)
@given(
    st.sampled_from([each for each in GOOD if each[0] != "arrow"]),
    st.integers(0, 2_000),
    st.binary(max_size=6),
    st.booleans(),
)
def test_damage_gives_a_value_or_words(
    tmp_path_factory: pytest.TempPathFactory, good: tuple[str, bytes], at: int, put_in: bytes, cut: bool
) -> None:
    format, content = good
    at %= len(content)
    damaged = content[:at] + put_in + (b"" if cut else content[at + len(put_in) :])
    folder = tmp_path_factory.getbasetemp()
    try:
        found = measured(folder, format, damaged)["value"]
    except Undefined:
        return
    assert 0 <= found <= 1


@settings(max_examples=count(8, 500), deadline=None)
@given(st.sampled_from([each for each in GOOD if each[0] == "arrow"]), st.integers(0, 2_000), st.binary(max_size=6))
def test_damaged_arrow_files_harm_the_child_at_most(
    tmp_path_factory: pytest.TempPathFactory, good: tuple[str, bytes], at: int, put_in: bytes
) -> None:
    """The library that reads them has died of such files: that is what the child is for."""
    format, content = good
    at %= len(content)
    damaged = content[:at] + put_in + content[at + len(put_in) :]
    store = Store(tmp_path_factory.getbasetemp() / "damaged")
    digests = []
    for file in (LABELS, damaged):
        digests.append(hashlib.sha256(file).hexdigest())
        store.put([file], digests[-1], 10_000)
    found = recompute(store, replace(LAST, measure="accuracy", labels=digests[0]), digests[1], format, None)
    assert (found.value is None) == bool(found.trouble)

"""scikit-learn's handwritten digits in a split that never changes, as three files that can be named by their content.

Each file holds one row per picture: 64 pixels (0 to 16) and the label, all as bytes. `python data.py` writes them, and
labels.csv beside them: what the registry measures predictions against.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
SPLITS = {"train": slice(0, 150), "val": slice(150, 500), "test": slice(500, 1797)}


def prepare() -> None:
    """Write data/{train,val,test}.npy and the labels of the test split. Shuffled once, by a seed that is its part."""
    from sklearn.datasets import load_digits  # noqa: PLC0415  (slow to import, and needed only the first time)

    digits = load_digits()
    rows = np.column_stack([digits.data, digits.target]).astype(np.uint8)
    rows = rows[np.random.RandomState(1).permutation(len(rows))]
    (HERE / "data").mkdir(exist_ok=True)
    for split, part in SPLITS.items():
        np.save(HERE / "data" / f"{split}.npy", np.ascontiguousarray(rows[part]))
    labels = "\n".join(["label", *map(str, rows[SPLITS["test"], 64])])
    (HERE / "data" / "labels.csv").write_text(f"{labels}\n")


def file_of(split: str) -> Path:
    """The file of a split, made when it is not there yet."""
    path = HERE / "data" / f"{split}.npy"
    if not path.exists():
        prepare()
    return path


def load(path: Path) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Pictures, normalised, of shape (n, 64), and their labels of shape (n,)."""
    rows = np.load(path, allow_pickle=False)
    mean, scale = np.load(HERE / "normaliser.npy", allow_pickle=False)
    return (rows[:, :64] - mean) / scale, rows[:, 64].astype(np.intp)


if __name__ == "__main__":
    prepare()

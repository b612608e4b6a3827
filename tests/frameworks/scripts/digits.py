"""scikit-learn's digits, shuffled once: 1,000 to train, 400 to validate, 397 to test; examples; what scripts print."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from sklearn.datasets import load_digits
from sklearn.utils import shuffle

images, labels = shuffle(*load_digits(return_X_y=True), random_state=0)
images = (images / 16).astype("float32")
train, validation, test = ((images[a:b], labels[a:b]) for a, b in ((0, 1000), (1000, 1400), (1400, None)))


def example(documented: object) -> str:
    """The code in a docstring, indented there by four."""
    lines = (inspect.getdoc(documented) or "").splitlines()
    code = [line[4:] for line in lines if line.startswith("    ") or not line]
    assert any(re.search(r"\S", line) for line in code), f"{documented} has no example"
    return "\n".join(code)


def tell(**facts: Any) -> None:
    """One line that the test reads."""
    print(json.dumps(facts), flush=True)

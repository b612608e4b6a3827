"""In a notebook the entry is its file, and what was executed is kept; with a real kernel."""

from __future__ import annotations

from tests.frameworks.conftest import Bench


def test_a_notebook_is_named_and_its_cells_are_kept(bench: Bench) -> None:
    train, secret = bench.run("with_notebook.py")
    command = bench.seen(train["run"])["report"]["command"]
    assert (command["entry"], command["directory"]) == ("sub/train.ipynb", "sub")
    assert "cells.py" in bench.artifacts(train["name"])
    cells = "\n".join(train["cells"])
    assert cells.startswith("# In [1]\nimport trackrecord\n")
    assert "# In [2]\nget_ipython().run_line_magic('precision', '3')\n" in cells
    assert f"# In [3]\n{train['executed']}\n\n# In [4]\n1 / 0\n" in cells
    assert bench.points(train["run"], "loss")["values"] == [1.0, 0.5, 1 / 3]
    assert "cells.py" not in bench.artifacts(secret["name"])
    sentence = "the executed cells were not sent: line 2 of cell [2] looks like a GitHub token"
    assert sentence in secret["said"]
    assert sentence in bench.shown(secret["name"])

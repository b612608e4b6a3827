"""Run two notebooks with a real kernel, as Jupyter does; the second one holds a secret."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import nbclient
import nbformat

SECRET = "ghp_" + "a1B2" * 9
STEPS = """
values = [1 / (step + 1) for step in range(3)]
for step, value in enumerate(values):
    run.log({"loss": value}, step=step)
"""
END = "import json\nrun.finish()\nprint(json.dumps({'run': run.id, 'name': run.name, 'executed': In[3].strip()}))"
CELLS = {
    "train": [
        "import trackrecord\nrun = trackrecord.run('milestone-1', params={'lr': 0.1})",
        "%precision 3",
        STEPS,
        "1 / 0",
        "from trackrecord.capture import notebook\nprint(notebook.cells().decode())",
        END,
    ],
    "secret": ["import trackrecord\nrun = trackrecord.run('milestone-1')", f"x = 1\ntoken = '{SECRET}'", END],
}


def main() -> None:
    place = Path("notebooks").absolute()
    place.mkdir()
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "-q", str(place)], check=True)
    for name, sources in CELLS.items():
        file = place / "sub" / f"{name}.ipynb"
        file.parent.mkdir(exist_ok=True)
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources[:1]])
        nbformat.write(book, file)
        subprocess.run([*git, "add", "-A"], cwd=place, check=True)
        subprocess.run([*git, "commit", "-qm", name], cwd=place, check=True)
        book.cells += [nbformat.v4.new_code_cell(source) for source in sources[1:]]
        os.environ["JPY_SESSION_NAME"] = str(file)  # as Jupyter's server says it to the kernel
        client = nbclient.NotebookClient(
            book, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(file.parent)}}
        )
        client.execute()
        told, warned = [
            "".join(each.text for cell in book.cells for each in cell.outputs if each.get("name") == stream)
            for stream in ("stdout", "stderr")
        ]
        *cells, last = told.splitlines()
        print(json.dumps({**json.loads(last), "said": warned, "cells": cells}))


main()

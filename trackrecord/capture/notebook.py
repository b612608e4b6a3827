"""Look at the notebook that runs: its file, and the cells that were executed. IPython is asked where it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackrecord import redact

NAME = "cells.py"  # of the artifact
MOST = 2 << 20  # bytes


class Refused(Exception):
    """Why the cells are not sent, in a sentence."""


def path(environ: Mapping[str, str]) -> Path | None:
    """The notebook's file, as VS Code and Jupyter tell it; None where there is none, or nobody tells."""
    shell = _shell()
    if shell is None:
        return None
    for told in (shell.user_ns.get("__vsc_ipynb_file__"), environ.get("JPY_SESSION_NAME")):
        if isinstance(told, str) and told.endswith(".ipynb"):
            found = Path(os.path.abspath(told))
            if found.is_file():
                return found
    return None


def cells() -> bytes | None:
    """What was executed so far, in its order; None outside of IPython. Raises Refused: it holds a secret, or too much.

    A cell that was changed and run again is there twice: this is what happened, the notebook's file is what is left.
    """
    shell = _shell()
    executed = shell.user_ns.get("In") if shell is not None else None
    if not isinstance(executed, list) or not any(executed):
        return None
    parts = [f"# In [{number}]\n{str(source).rstrip()}\n" for number, source in enumerate(executed) if source]
    content = "\n".join(parts).encode("utf-8", "replace")
    if len(content) > MOST:
        raise Refused(f"the executed cells were not sent: they are more than {MOST >> 20} MB")
    hit = next(redact.in_file(NAME, content), None)
    if hit is not None:
        raise Refused(f"the executed cells were not sent: {_cell(content, hit.line)} looks like {hit.kind}")
    return content


def _cell(content: bytes, line: int) -> str:
    """Where a line of all cells stands, as a person would look for it."""
    above = content.decode("utf-8", "replace").split("\n")[:line]
    for at in range(len(above) - 1, -1, -1):
        if above[at].startswith("# In ["):
            return f"line {line - at - 1} of cell {above[at].removeprefix('# In ')}"
    return f"line {line}"


def _shell() -> Any:
    """IPython's shell, where one runs in this process."""
    try:
        return sys.modules["IPython"].get_ipython()
    except Exception:  # noqa: BLE001 - not imported, or half imported, or another version
        return None

"""PURE: what a terminal shows in the end of what was written to it: no colours, of a progress bar the last state."""

from __future__ import annotations

import re

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, and what moves the cursor
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles and links of a terminal
    r"|\x1b[ -/]*[0-~]?"
)
# What a terminal does not show, and what turns the order of the letters around.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def shown(line: str) -> str:
    """A line as a terminal would end up showing it: of a progress bar the last state."""
    line = _ANSI.sub("", line)
    if "\b" in line:
        line = _struck(line)
    states = [state for each in line.split("\r") if (state := _UNSEEN.sub("", each).rstrip())]
    return states[-1] if states else ""


def _struck(line: str) -> str:
    """Without the letters that were taken back by backspaces, as spinners and Keras's bars do."""
    kept: list[str] = []
    for sign in line:
        if sign != "\b":
            kept.append(sign)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)

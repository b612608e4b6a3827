"""PURE: how a command ended, from its status and from what it printed last."""

from __future__ import annotations

import os
import re
import signal

from trackrecord.report import EndState

_FRAME = re.compile(r'  File "([^"\n]{1,500})", line ([0-9]{1,9})')
_RAISED = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: .{0,2000})?")
_BEGINS = "Traceback (most recent call last):"


def of_status(status: int, lines: list[str]) -> tuple[EndState, str | None]:
    """State and error by what `os.wait` said and the last lines: ("failed", "ValueError: no (train.py:41)")."""
    if os.WIFSIGNALED(status):
        return "killed", f"killed by {_name(os.WTERMSIG(status))}"
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return "finished", None
    if 128 < code < 160:  # what a shell says of a command of its own that was killed
        return "failed", f"exit code {code}, as after {_name(code - 128)}"
    return "failed", _raised(lines) or f"exit code {code}"


def _raised(lines: list[str]) -> str | None:
    """The exception of the last traceback, with the file and line of the script's own code where it is in it."""
    starts = [at for at, line in enumerate(lines) if line.rstrip() == _BEGINS]
    if not starts:
        return None
    own, last, said = "", "", None
    for line in lines[starts[-1] + 1 :]:
        frame = _FRAME.match(line)
        if frame:
            last = f"{frame[1].rpartition('/')[2]}:{frame[2]}"
            own = own if "site-packages" in frame[1] or "/lib/python" in frame[1] else last
        elif line[:1].strip():
            found = _RAISED.fullmatch(line.rstrip())
            said = found[0] if found else None
            break
    where = own or last
    return f"{said} ({where})" if said and where else said


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

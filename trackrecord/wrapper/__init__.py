"""`trackrecord run -- python train.py --lr 0.1`: any command is recorded as a run, without a line of code.

The command itself sees nothing of it: its output, its signals and its exit code are what they are without.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from trackrecord import config
from trackrecord.capture import command
from trackrecord.voice import say
from trackrecord.wrapper import child
from trackrecord.wrapper.session import Session
from trackrecord.wrapper.told import Told


def run(words: Sequence[str], told: Told) -> NoReturn:
    """Run the command, record it, and end as it ends. Raises TrackrecordError where it cannot be started."""
    if config.load().mode == "disabled" or command.rank(os.environ) > 0:
        _become(words)
    try:
        watch = Path(tempfile.mkdtemp(prefix="trackrecord-watch-"))
    except OSError as problem:
        say(f"the command is not recorded: the temporary folder takes nothing ({problem.strerror})", "warn")
        _become(words)
    try:
        status = Session(words, told, watch).run()
    finally:
        shutil.rmtree(watch, ignore_errors=True)
    child.leave(status)


def _become(words: Sequence[str]) -> NoReturn:
    """Nothing is recorded: this process becomes the command."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - no shell is meant
    except OSError as problem:
        raise child.trouble(words[0], problem) from None

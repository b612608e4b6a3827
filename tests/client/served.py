"""A registry as its own program, for tests of what speaks to one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trackrecord


@contextmanager
def served(place: Path) -> Iterator[tuple[str, str]]:
    """Its address and its first token."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKRECORD_")}
    env |= {
        "TRACKRECORD_DATA_DIR": str(place / "data"),
        "TRACKRECORD_PORT": "0",
        "TRACKRECORD_GIT_PROTOCOLS": "file",
        "PYTHONPATH": str(Path(trackrecord.__file__).parents[1]),
    }
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "registry"], cwd=place, env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert server.stdout is not None
    try:
        said = ""
        while "listening on" not in said:
            line = server.stdout.readline()
            assert line, (place / "log").read_text()
            said += line
        yield re.findall(r"listening on (\S+)", said)[0], re.findall(r"admin token: (\S+)", said)[0]
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()

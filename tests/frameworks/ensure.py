"""The environment of the frameworks (torch, Lightning, Keras, …); made where there is none, never inside .venv."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / ".tools" / "frameworks"
READY = HERE / "ready.json"
LOCK = ROOT / "deploy" / "locks" / "frameworks.txt"
TORCH = "torch=="


@dataclass(frozen=True, slots=True)
class Frameworks:
    """The interpreter that has them, and why it has no torch, if it has none."""

    python: str
    lock: str
    no_torch: str | None


def ensure() -> Frameworks:
    """The environment as the lock says; seconds when it has to be made, nothing when it is there."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    HERE.parent.mkdir(exist_ok=True)
    with (HERE.parent / "frameworks.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        kept = _kept()
        if kept is not None and kept.lock == digest and kept.no_torch is None:
            return kept
        python = HERE / "bin" / "python"
        if kept is None or kept.lock != digest:
            _make(python)
        made = Frameworks(str(python), digest, _torch(python))
        READY.write_text(json.dumps(asdict(made)))
        return made


def _kept() -> Frameworks | None:
    try:
        return Frameworks(**json.loads(READY.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _make(python: Path) -> None:
    """Everything but torch, by uv: exactly the lock and this repository's own package."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    if not python.exists():
        _run([uv, "venv", "-q", "--no-project", "-p", sys.executable, str(HERE)])
    others = HERE / "others.txt"
    others.write_text("".join(each for each in _requirements() if not each.startswith(TORCH)))
    exact = ["--require-hashes", "--only-binary", ":all:", "-p", str(python)]
    _run([uv, "pip", "sync", "-q", *exact, str(others)])
    _run([uv, "pip", "install", "-q", "--no-deps", "-p", str(python), "-e", str(ROOT)])


def _torch(python: Path) -> str | None:
    """The CPU build of torch, by pip; why it cannot be had. Never the usual build, gigabytes for GPUs."""
    [line] = [each for each in _requirements() if each.startswith(TORCH)]
    wanted = HERE / "torch.txt"
    wanted.write_text(line)
    pip = [str(python), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "--no-compile"]
    done = subprocess.run(
        [*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(wanted)],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode == 0:
        return None
    errors = [each.removeprefix("ERROR: ") for each in done.stderr.splitlines() if each.startswith("ERROR")]
    version = line.split()[0].removeprefix(TORCH).partition("+")[0]
    return f"needs a CPU build of torch {version}: {(errors or ['pip failed'])[-1][:200]}"


def _requirements() -> list[str]:
    """The lock's entries, each with the lines of its hashes."""
    return [f"{each}\n" for each in LOCK.read_text().replace("\\\n", " ").splitlines() if each[:1].isalnum()]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"UV_SYSTEM_CERTS": "1"}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"the environment of the frameworks could not be made.\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    found = ensure()
    print(found.python if found.no_torch is None else f"{found.python} ({found.no_torch})")

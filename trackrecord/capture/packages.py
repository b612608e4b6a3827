"""Look at what is installed: every distribution with version and origin, and the lock files beside the script."""

from __future__ import annotations

import hashlib
import itertools
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trackrecord import redact
from trackrecord.capture import conda, distributions
from trackrecord.capture.command import Python
from trackrecord.params import clean
from trackrecord.report import PackageReport

_LOCKS = (
    "uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml",
    "environment.yml", "environment.yaml", "requirements.txt", "requirements.lock",
)  # fmt: skip
_LARGEST_LOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class LockFiles:
    """Path to digest, digest to bytes, and notes about files that were not taken."""

    digests: dict[str, str]
    files: dict[str, bytes]
    notes: list[str]


def look(other: Python | None = None) -> list[PackageReport]:
    """The distributions that this process (or another Python) would import, by name; and what else conda installed."""
    found: dict[str, PackageReport] = {}
    installed = distributions.look(sys.path if other is None else other.path)
    beside = conda.look(Path(sys.base_prefix if other is None else other.prefix))
    for package in itertools.chain(installed, beside):
        found.setdefault(_key(package.name), package)
    return [found[key] for key in sorted(found)]


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def python(other: Python | None = None) -> tuple[str, str]:
    """Version and implementation: ("3.11.7", "CPython")."""
    if other is not None:
        return clean(other.version, 100), clean(other.implementation, 100)
    return platform.python_version(), platform.python_implementation()


def lock_files(folders: Iterable[Path], top: Path | None) -> LockFiles:
    """The lock files in these folders; one that holds a secret is not taken."""
    digests: dict[str, str] = {}
    files: dict[str, bytes] = {}
    notes: list[str] = []
    for folder in folders:
        for path in (folder / name for name in _LOCKS):
            name = _relative(path, top)
            if name in digests or not path.is_file() or path.stat().st_size > _LARGEST_LOCK:
                continue
            content = path.read_bytes()
            hit = next(redact.in_file(name, content), None)
            if hit is not None:
                notes.append(f"{name} was not sent: line {hit.line} looks like {hit.kind}")
                continue
            digests[name] = hashlib.sha256(content).hexdigest()
            files[digests[name]] = content
    return LockFiles(digests, files, notes)


def _relative(path: Path, top: Path | None) -> str:
    if top is not None and path.is_relative_to(top):
        return clean(path.relative_to(top).as_posix())
    return path.name

"""Look at what is installed: every distribution with version and origin, and the lock files beside the script."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackrecord import redact
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


def look() -> list[PackageReport]:
    """The distributions that this process would import, by name. importlib.metadata: many environments have no pip."""
    found: dict[str, PackageReport] = {}
    for each in importlib.metadata.distributions():
        name, version = _named(each)
        if name:
            # The first on sys.path is the one that is imported.
            found.setdefault(
                re.sub(r"[-_.]+", "-", name).lower(), PackageReport(name=name, version=version, origin=_origin(each))
            )
    return [found[key] for key in sorted(found)]


def python() -> tuple[str, str]:
    """Version and implementation: ("3.11.7", "CPython")."""
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


def _named(each: importlib.metadata.Distribution) -> tuple[str, str]:
    try:
        return clean(str(each.metadata["Name"] or ""), 200), clean(str(each.version or ""), 200)
    except Exception:  # noqa: BLE001 - a broken installation of somebody's must not hide the others
        return "", ""


def _origin(each: importlib.metadata.Distribution) -> str | None:
    """`git+https://…@commit`, `https://….whl`, `editable file://…`; None: from a package index."""
    try:
        data: Any = json.loads(each.read_text("direct_url.json") or "null")
    except Exception:  # noqa: BLE001 - as above
        return None
    if not isinstance(data, dict) or not isinstance(data.get("url"), str):
        return None
    address = redact.text(_homeless(data["url"]))
    vcs = data.get("vcs_info")
    if isinstance(vcs, dict):
        return clean(f"{vcs.get('vcs', 'git')}+{address}@{vcs.get('commit_id', '')}", 500)
    inside = data.get("dir_info")
    return clean(("editable " if isinstance(inside, dict) and inside.get("editable") else "") + address, 500)


def _homeless(address: str) -> str:
    """A folder on this machine without the path that leads to it: what it is called is all that others can use."""
    if not address.startswith("file://"):
        return address
    if address.startswith(Path(sys.prefix).as_uri()):
        return address.replace(Path(sys.prefix).as_uri(), "file://…", 1)
    return f"file://…/{address.rstrip('/').rpartition('/')[2]}"

"""Look at the Python distributions of a search path: name, version, and where each came from.

Read from their folders: importlib.metadata says the same, and its import alone takes as long as all of this.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackrecord import redact
from trackrecord.params import clean
from trackrecord.report import PackageReport

_HEAD = 32 << 10  # bytes of a distribution's metadata: names stand first, descriptions last
_NAME, _VERSION = (re.compile(rf"^{field}:[ \t]*(\S+)\s*$", re.M | re.I) for field in ("Name", "Version"))


def look(places: Iterable[str]) -> Iterator[PackageReport]:
    """Every distribution in these folders, in their order: the first of a name is the one that is imported."""
    for place in dict.fromkeys(each or os.curdir for each in places):
        if os.path.isfile(place):
            yield from _zipped(place)
            continue
        for folder in _folders(place):
            made = _described(
                _read(os.path.join(folder, "METADATA")) or _read(os.path.join(folder, "PKG-INFO")) or _read(folder)
            )
            if made is not None:
                yield PackageReport(
                    name=made[0], version=made[1], origin=_origin(_read(os.path.join(folder, "direct_url.json")))
                )


def _folders(place: str) -> list[str]:
    """Where distributions describe themselves; an old `.egg-info` may be a file."""
    if place.endswith(".egg"):
        return [os.path.join(place, "EGG-INFO")]
    try:
        names = os.listdir(place)
    except OSError:
        return []
    found = [name for name in names if name.endswith((".dist-info", ".egg-info"))]
    found += [os.path.join(name, "EGG-INFO") for name in names if name.endswith(".egg")]
    return [os.path.join(place, name) for name in found]


def _zipped(place: str) -> Iterator[PackageReport]:
    metadata: Any = importlib.import_module("importlib.metadata")
    with suppress(Exception):  # a broken archive of somebody's must not hide the others
        for each in metadata.distributions(path=[place]):
            yield PackageReport(name=clean(str(each.metadata["Name"]), 200), version=clean(str(each.version), 200))


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""


def _described(text: str) -> tuple[str, str] | None:
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    name, version = _NAME.search(head), _VERSION.search(head)
    return (clean(name[1], 200), clean(version[1], 200)) if name and version else None


def _origin(text: str) -> str | None:
    """`git+https://…@commit`, `https://….whl`, `editable file://…`; None: from a package index."""
    try:
        data = json.loads(text or "null")
    except (ValueError, RecursionError):
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

"""Look at what conda installed: compilers, CUDA, BLAS and the like are no Python distributions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from trackrecord import redact
from trackrecord.params import clean
from trackrecord.report import PackageReport

_CHANNEL = re.compile(rb'"channel"\s*:\s*"([^"\\]{1,400})"')
_TOKEN = re.compile(r"/t/[^/]+/")  # an address of a private channel holds its token
_HEAD = 8 << 10  # the channel stands before the list of files, which may be megabytes


def look(prefix: Path) -> Iterator[PackageReport]:
    """The packages of an environment, by name; `origin` is "conda" and the channel's address. No environment: none."""
    for path in sorted(prefix.glob("conda-meta/*.json")):
        parts = path.stem.rsplit("-", 2)  # name-version-build, and only the name may have more of these
        if len(parts) == 3:
            channel = _channel(path)
            address = redact.text(_TOKEN.sub("/t/[redacted]/", channel))
            yield PackageReport(
                name=clean(parts[0], 200), version=clean(parts[1], 200), origin=clean(f"conda {address}".strip(), 500)
            )


def _channel(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            found = _CHANNEL.search(head) or _CHANNEL.search(head + file.read())
    except OSError:
        return ""
    return found[1].decode("utf-8", "replace") if found else ""

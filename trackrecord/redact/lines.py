"""PURE: hits in whole files and in patches, with their lines. Quick: only lines with a hint are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from trackrecord.redact import hints
from trackrecord.redact.found import kind_in
from trackrecord.redact.joined import windows

_PIECE, _OVERLAP = 4_000, 500  # bytes of a line that are looked at together: one line may be a whole minified program


@dataclass(frozen=True, slots=True)
class Hit:
    """Something in a patch that looks like a secret: where, and what it looks like. Never the thing itself.

    `line` 0: in the file's name.
    """

    path: str
    line: int
    kind: str


def in_patch(patch: bytes) -> Iterator[Hit]:
    """Every hit of a unified diff, with the file and its line there. Binary parts are packed and not read."""
    kinds = _kinds(patch, in_a_patch=True)
    path, old, new, packed, start = "?", 1, 1, False, 0
    for raw in patch.split(b"\n") if kinds else ():
        kind = kinds.get(start)
        start += len(raw) + 1
        if raw.startswith(b"diff --git "):
            path, packed = _path(raw), False
            if kind:
                yield Hit(path, 0, kind)
        elif raw.startswith(b"GIT binary patch"):
            packed = True
        elif raw.startswith(b"+++ b/"):
            path = raw[6:].decode("utf-8", "backslashreplace").rstrip("\t")
        elif raw.startswith(b"@@ "):
            found = re.match(rb"@@ -(\d+)(?:,\d+)? \+(\d+)", raw)
            old, new = (int(found[1]), int(found[2])) if found else (0, 0)
        elif not packed and raw[:1] in b"+- " and raw:
            if kind:
                yield Hit(path, old if raw[:1] == b"-" else new, kind)
            old += raw[:1] != b"+"
            new += raw[:1] != b"-"


def in_file(path: str, content: bytes) -> Iterator[Hit]:
    """Every hit of a whole text file."""
    kinds = _kinds(content, in_a_patch=False)
    line, before = 1, 0
    for start in sorted(kinds):
        line += content.count(b"\n", before, start)
        before = start
        yield Hit(path, line, kinds[start])


def _kinds(content: bytes, *, in_a_patch: bool) -> dict[int, str]:
    """What the lines that begin at these bytes give away."""
    kinds: dict[int, str] = {}
    for start in _hinted(content):
        end = content.find(b"\n", start)
        line = content[start : end if end >= 0 else len(content)]
        kind = _kind_in_long(line[1:] if in_a_patch and line[:1] in b"+- " else line)
        if kind:
            kinds[start] = kind
    if b"\n" not in content:
        return kinds
    text = content.decode("latin-1")
    for window in windows(text, in_a_patch=in_a_patch):
        if not hints.hinted(window.text.encode("latin-1")) or any(window.start <= at < window.end for at in kinds):
            continue
        kind = kind_in(window.text)
        if kind:
            kinds[window.start] = kind
    return kinds


def _hinted(content: bytes) -> list[int]:
    """Where the lines with a hint begin."""
    plain, starts = hints.plain(content), set()
    for text, pattern in [*((plain, each) for each in hints.in_plain()), (content, hints.in_raw())]:
        at = 0
        while found := pattern.search(text, at):
            starts.add(text.rfind(b"\n", 0, found.start()) + 1)
            end = text.find(b"\n", found.start())
            if end < 0:
                break
            at = end
    return sorted(starts)


def _kind_in_long(line: bytes) -> str | None:
    """`kind_in` for a line of any length, in pieces that overlap by more than any secret is long."""
    pieces = (line[at : at + _PIECE] for at in range(0, max(len(line), 1), _PIECE - _OVERLAP))
    return next((kind for piece in pieces if (kind := kind_in(piece.decode("utf-8", "replace")))), None)


def _path(header: bytes) -> str:
    """The file of a `diff --git a/x b/x` line; both names are the same there, since renames are off."""
    names = header[len(b"diff --git ") :].decode("utf-8", "backslashreplace")
    half = names[len(names) // 2 + 1 :]
    return half.strip('"').removeprefix("b/")

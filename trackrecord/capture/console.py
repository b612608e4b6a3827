"""Look at what the script printed last, where it goes into a file: cleaned for reading, and without secrets."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackrecord.redact.printed import printed
from trackrecord.terminal import shown

NAME = "console.txt"  # of the artifact
MOST = 64 << 10  # bytes of a tail
_BEHIND_S = 0.1  # so far `trackrecord run` may be behind what was just printed
_READ = 1 << 20  # bytes that are read for it: progress bars shrink to their last state
_LONGEST = 4_000  # characters of one line

_LINE_END = re.compile(b"[\r\n]")


def tail(environ: Mapping[str, str]) -> bytes | None:
    """What was printed last, at most 64 KiB; None where it cannot be seen (a terminal, a pipe, a notebook).

    Taken from the file that `trackrecord run` keeps, else from the files that stdout and stderr go to.
    """
    watched = environ.get("TRACKRECORD_WATCH")
    if watched:
        time.sleep(_BEHIND_S)
        with suppress(OSError, ValueError), open(Path(watched) / "console", "rb") as file:
            return cleaned(_end(file.fileno()))
    out, err = _of_stream(1, sys.stdout), _of_stream(2, sys.stderr)
    if out is not None and err is not None and out[0] != err[0]:
        parts = ((b"== stdout ==\n", out[1]), (b"== stderr ==\n", err[1]))
        return b"".join(name + _within(cleaned(content), MOST // 2 - 20) for name, content in parts)
    seen = out or err
    return None if seen is None else cleaned(seen[1])


def cleaned(raw: bytes) -> bytes:
    """The last 64 KiB of an output that begins with a whole line, as somebody would read it, without secrets."""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    lines = [shown(line) for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    lines = _last(lines, MOST)
    kept = [_cut(line) for line in printed([line[: 4 * _LONGEST] for line in lines])]
    return _within("".join(f"{line}\n" for line in kept).encode("utf-8", "replace"), MOST)


def _of_stream(number: int, stream: Any) -> tuple[tuple[int, int], bytes] | None:
    """Which file a descriptor writes to, and that file's end; None where it is no file, or cannot be read."""
    try:
        seen = os.fstat(number)
        if not stat.S_ISREG(seen.st_mode):
            return None
        with suppress(Exception):  # it may be closed, or something else that the script put there
            stream.flush()
        # Opened anew by its place: the descriptor itself is for writing only, and its position is the script's.
        with open(_place(number), "rb") as file:
            own = os.fstat(file.fileno())
            same = (own.st_dev, own.st_ino) == (seen.st_dev, seen.st_ino)
            return ((own.st_dev, own.st_ino), _end(file.fileno())) if same else None
    except (OSError, ValueError):
        return None


def _place(number: int) -> str | bytes:
    if hasattr(fcntl, "F_GETPATH"):  # macOS
        return fcntl.fcntl(number, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")
    return f"/proc/self/fd/{number}"


def _end(descriptor: int) -> bytes:
    """The last bytes of a file, from the beginning of a line."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, _READ, max(0, size - _READ))
    return content if size <= _READ else _LINE_END.split(content, maxsplit=1)[-1]


def _last(lines: list[str], room: int) -> list[str]:
    """The last lines that are together no longer than `room` characters; at least one."""
    for at in range(len(lines) - 1, -1, -1):
        room -= len(lines[at]) + 1
        if room < 0:
            return lines[min(at + 1, len(lines) - 1) :]
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _within(content: bytes, room: int) -> bytes:
    """The last whole lines that fit."""
    return content if len(content) <= room else content[-room:].partition(b"\n")[2]

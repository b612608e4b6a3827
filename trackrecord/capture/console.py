"""Look at what the script printed last, where it goes into a file: cleaned for reading, and without secrets."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
import time
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackrecord import redact

NAME = "console.txt"  # of the artifact
MOST = 64 << 10  # bytes of a tail
_BEHIND_S = 0.1  # so far `trackrecord run` may be behind what was just printed
_READ = 1 << 20  # bytes that are read for it: progress bars shrink to their last state
_LONGEST = 4_000  # characters of one line
_KEY = 200  # lines that a private key has at most

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, and what moves the cursor
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles and links of a terminal
    r"|\x1b[ -/]*[0-~]?"
)
# What a terminal does not show, and what turns the order of the letters around.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_VALUE = r"([^\s\"',;{}()\[\]-][^\s\"',;{}()\[\]]{3,400})"
_NAMED = re.compile(r"(?<![\w.-])(-{0,2}[A-Za-z_][\w.-]{0,80})([\"']?\s{0,3}[:=]\s{0,3}[\"']?)" + _VALUE)
_FLAG = re.compile(r"(?<![\w.-])(--[A-Za-z][\w-]{0,80})(\s{1,3}[\"']?)" + _VALUE)
_NUMBER = re.compile(r"[-+]?[0-9.,]+(?:e[-+]?[0-9]+)?%?", re.IGNORECASE)
_BEGIN, _END = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"), re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY")
_PACKED = re.compile(
    r"(?:.*[^A-Za-z0-9+/=])?(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]{1,15}={1,2})\W{0,4}|(?:Proc-Type|DEK-Info): .*"
)
_DIGIT, _LINE_END = re.compile("[0-9]"), re.compile(b"[\r\n]")
_GONE = "[redacted: a private key]"


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
    lines = [_shown(line) for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    lines = _last(lines, MOST)
    kept = [_cut(_redacted(line[: 4 * _LONGEST])) for line in _without_keys(lines)]
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


def _shown(line: str) -> str:
    """A line as a terminal would end up showing it: of a progress bar the last state."""
    line = _ANSI.sub("", line)
    if "\b" in line:
        line = _struck(line)
    states = [state for each in line.split("\r") if (state := _UNSEEN.sub("", each).rstrip())]
    return states[-1] if states else ""


def _struck(line: str) -> str:
    """Without the letters that were taken back by backspaces, as spinners and Keras's bars do."""
    kept: list[str] = []
    for sign in line:
        if sign != "\b":
            kept.append(sign)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)


def _last(lines: list[str], room: int) -> list[str]:
    """The last lines that are together no longer than `room` characters; at least one."""
    for at in range(len(lines) - 1, -1, -1):
        room -= len(lines[at]) + 1
        if room < 0:
            return lines[min(at + 1, len(lines) - 1) :]
    return lines


def _without_keys(lines: list[str]) -> list[str]:
    """Without private keys, also those of which the beginning or the end is missing."""
    ends = [at for at, line in enumerate(lines) if _END.search(line)]
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if _BEGIN.search(line):
            at = _end_of_key(lines, at, ends)
            kept.append(_GONE)
        elif _END.search(line):
            while kept and _PACKED.fullmatch(kept[-1]):
                kept.pop()
            kept.append(_GONE)
        else:
            kept.append(line)
        at += 1
    return kept


def _end_of_key(lines: list[str], begin: int, ends: list[int]) -> int:
    """The last line of the key that begins in line `begin`; without its end, the last that looks like one of it."""
    following = bisect_left(ends, begin)
    if following < len(ends) and ends[following] - begin <= _KEY:
        return ends[following]
    at = begin
    while at + 1 < len(lines) and (not lines[at + 1] or _PACKED.fullmatch(lines[at + 1])):
        at += 1
    return at


def _redacted(line: str) -> str:
    line = _FLAG.sub(_without_value, _NAMED.sub(_without_value, redact.text(line)))
    kind = redact.kind_in(line)
    return f"[redacted: {kind}]" if kind else line


def _without_value(found: re.Match[str]) -> str:
    name, between, value = found[1], found[2], found[3]
    if not redact.smells(name) or _NUMBER.fullmatch(value):
        return found[0]
    if name.lower().endswith("token") and len(value) < 12 and not _DIGIT.search(value):
        return found[0]  # "token: hello" is what language models print
    return f"{name}{between}[redacted: {name.lstrip('-')}]"


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _within(content: bytes, room: int) -> bytes:
    """The last whole lines that fit."""
    return content if len(content) <= room else content[-room:].partition(b"\n")[2]

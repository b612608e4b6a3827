"""PURE: secrets out of what a script printed. Stricter than elsewhere: nothing is rebuilt from these lines."""

from __future__ import annotations

import re
from bisect import bisect_left

from trackrecord.redact.found import kind_in, text
from trackrecord.redact.names import smells

_KEY = 200  # lines that a private key has at most
_VALUE = r"([^\s\"',;{}()\[\]-][^\s\"',;{}()\[\]]{3,400})"
_NAMED = re.compile(r"(?<![\w.-])(-{0,2}[A-Za-z_][\w.-]{0,80})([\"']?\s{0,3}[:=]\s{0,3}[\"']?)" + _VALUE)
_FLAG = re.compile(r"(?<![\w.-])(--[A-Za-z][\w-]{0,80})(\s{1,3}[\"']?)" + _VALUE)
_NUMBER = re.compile(r"[-+]?[0-9.,]+(?:e[-+]?[0-9]+)?%?", re.IGNORECASE)
_BEGIN, _END = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"), re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY")
_PACKED = re.compile(
    r"(?:.*[^A-Za-z0-9+/=])?(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]{1,15}={1,2})\W{0,4}|(?:Proc-Type|DEK-Info): .*"
)
_DIGIT = re.compile("[0-9]")
_GONE = "[redacted: a private key]"


def printed(lines: list[str]) -> list[str]:
    """The lines without secrets; a private key of many lines is one that says so."""
    return [_redacted(line) for line in _without_keys(lines)]


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
    line = _FLAG.sub(_without_value, _NAMED.sub(_without_value, text(line)))
    kind = kind_in(line)
    return f"[redacted: {kind}]" if kind else line


def _without_value(found: re.Match[str]) -> str:
    name, between, value = found[1], found[2], found[3]
    if not smells(name) or _NUMBER.fullmatch(value):
        return found[0]
    if name.lower().endswith("token") and len(value) < 12 and not _DIGIT.search(value):
        return found[0]  # "token: hello" is what language models print
    return f"{name}{between}[redacted: {name.lstrip('-')}]"

"""PURE: something of this stands wherever there could be a hit. Most text has none, and is looked at no further."""

from __future__ import annotations

import re
from functools import cache

from trackrecord.redact.packed import GROUPS
from trackrecord.redact.shapes import SHAPES

_TABLE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_", b"abcdefghijklmnopqrstuvwxyz-")

_NAMED = (
    r"(?:key|token|secret|passw|pwd|passphrase|passcode|cred|auth|bearer|jwt|pass|pat)[0-9a-z-]{0,30}\\?[\"'`]?[\])]{0,2}"
    r"(?:\s{0,4}(?::\s{0,3}(?:str|secretstr)\s{0,3})?(?::=|=>|==?|:|,)\s{0,4}|\s{1,4})\(?\s{0,2}(?:[rbuf]{1,2}(?=\\?[\"']))?\\?[\"'`]?"
    r"(?=[^\s\"'`\\]{0,40}[0-9a-z][0-9]|[^\s\"'`\\]{20})[^\s\"'`\\()<>{}]{6}"
)
_OTHERS = r"://[^\s/\"'<>]{1,9000}@|private key(?: block)?-----|password\s{1,8}\S{6}"


def plain(text: bytes) -> bytes:
    """As hints are written: small letters, and "-" for "_"."""
    return text.translate(_TABLE)


def of_name(text: str) -> str:
    """The same for a str."""
    return text.lower().replace("_", "-")


@cache
def begun() -> bytes:
    """How the shapes begin, sorted by their first sign: a word that begins otherwise is left at once."""
    by_first: dict[str, set[str]] = {}
    for shape in SHAPES:
        if not shape.inside:
            for hint in shape.hints:
                by_first.setdefault(hint[0], set()).add(hint[1:])
    branches = (first + "(?:" + "|".join(sorted(rest)) + ")" for first, rest in sorted(by_first.items()))
    return (r"\b(?:" + "|".join(branches) + ")").encode()


@cache
def in_plain() -> tuple[re.Pattern[bytes], ...]:
    """What to search for in `plain` bytes."""
    inside = "|".join(hint for shape in SHAPES if shape.inside for hint in shape.hints)
    return tuple(re.compile(each) for each in (begun(), inside.encode(), _NAMED.encode(), _OTHERS.encode()))


@cache
def in_raw() -> re.Pattern[bytes]:
    """What to search for in the bytes as they are: base64 of text."""
    return re.compile(rb"\b" + GROUPS.encode())


def hinted(text: bytes) -> bool:
    """Whether there is anything of it."""
    small = plain(text)
    return any(each.search(small) for each in in_plain()) or in_raw().search(text) is not None

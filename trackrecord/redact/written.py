"""PURE: secrets that have no shape of their own: what is written under a name, in an address, in a .netrc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from trackrecord.redact.names import TAKEN_OUT, a_password, bare, drawn_by_lot, no_secret, smells

_DIGIT = re.compile("[0-9]")


class Span(NamedTuple):
    """Where something stands, and what it looks like."""

    start: int
    end: int
    kind: str


# `NAME=value`, `"name": "value"`, `--name value`, `x["NAME"] = "value"`, `name: str = "value"`; also in JSON in JSON.
_ASSIGNED = (
    r"(?<![0-9A-Za-z_-])(-{0,2}[A-Za-z_][0-9A-Za-z_-]{1,80}+)(\\?[\"'`])?[\])]{0,2}"
    r"(?:\s{0,4}(?::\s{0,3}(?:str|SecretStr)\s{0,3})?(?::=|=>|==?|:|(?(2),))|(?<=[0-9A-Za-z])(?=\s))\s{0,4}\(?\s{0,2}"
    r"(?:[rbufRBUF]{0,2}\\?([\"'`])([^\"'`\s\\]{6,300}+)\\?\3|([0-9A-Za-z+/=_~.!@#%^&*-]{6,300}+)(?![\w.(\[+/=~-]))"
)
_URL = r"\b([A-Za-z][A-Za-z0-9+.-]{1,30}://)([^\s/@:\"'<>?#\\]{0,9000})(?::([^\s/\"'<>\\]{0,9000}))?@"
_NETRC = (
    r"(?:\bmachine\s{1,8}\S{1,200}\s{1,8}login\s{1,8}\S{1,200}\s{1,8}|^[\s\"']{0,12})password\s{1,8}([^\s\"'\\]{6,300})"
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """At its first use: an import of the client must cost nothing."""
    return re.compile(pattern, re.MULTILINE)


def assigned(text: str, *, code: bool) -> Iterator[Span]:
    """What stands under a name that smells. `code`: only what can hardly be anything else, since a hit refuses it."""
    ours = [found.span() for found in TAKEN_OUT.finditer(text)] if "[redacted" in text else []
    at = 0
    while found := _compiled(_ASSIGNED).search(text, at):
        at = max(found.end(1), found.start() + 1)
        name, value, quoted = found[1], found[4] or found[5], found[4] is not None
        flag = name.startswith("-")
        between = text[found.end(1) : found.start(4 if quoted else 5)]
        # After a comma only a literal after a literal; else it is a sentence, or a further argument.
        apart = "," in between and not (quoted and text[max(0, found.start() - 1)] in "\"'`")
        if apart or not (flag or any(sign in between for sign in "=:,")) or not smells(name):
            continue
        if any(start <= found.start() < end for start, end in ours):
            continue
        if _looks(name, value, quoted, code):
            yield Span(*found.span(4 if quoted else 5), "a password" if a_password(name) else "a password or key")
            at = found.end()


def _looks(name: str, value: str, quoted: bool, code: bool) -> bool:
    if no_secret(value) or (not quoted and (smells(value) or not _DIGIT.search(value) or value.count(".") > 3)):
        return False  # without quotes it is mostly another name
    if a_password(name):
        return drawn_by_lot(value, 10 if code else 6)
    return drawn_by_lot(value, 16 if bare(name) or not quoted else 10)


def in_addresses(text: str) -> Iterator[Span]:
    """Passwords and tokens in addresses that look drawn by lot; `user:password@` of a manual does not."""
    for found in _compiled(_URL).finditer(text):
        if found[3] and drawn_by_lot(found[3], 6):
            yield Span(*found.span(3), "a password in a URL")
        elif drawn_by_lot(found[2], 16):
            yield Span(*found.span(2), "a token in a URL")


def in_netrc(text: str) -> Iterator[Span]:
    for found in _compiled(_NETRC).finditer(text):
        if drawn_by_lot(found[1], 8):
            yield Span(*found.span(1), "a password of .netrc")


def without_userinfo(value: str) -> str:
    """URLs without what stands before the @: all of it for the web, the password elsewhere (ssh://git@… needs git)."""
    return _compiled(_URL).sub(_stripped, value) if "://" in value and "@" in value else value


def _stripped(found: re.Match[str]) -> str:
    scheme, user, password = found[1], found[2], found[3]
    if scheme.lower() in {"http://", "https://"} or scheme.lower().endswith(("+http://", "+https://")):
        return scheme
    if drawn_by_lot(user, 16):
        return f"{scheme}[redacted]@"
    return f"{scheme}{user}@" if password is not None or user else scheme

"""PURE: which repository addresses are handed to git, and how what git prints is made fit to show."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

_ALLOWED_REF = re.compile(r"refs/(?:heads|tags)/[A-Za-z0-9._*/@+-]{1,200}")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?(?P<host>[A-Za-z0-9.-]+):(?!/)[^:\s]*")


def trouble_with(address: str, protocols: str) -> str:
    """Why git is not given this address, as a sentence without the address; empty: it may have it.

    `protocols` are git's names of transports, separated by colons: "https:ssh".
    """
    if not address:
        return "the project has no repository"
    if address.startswith("-") or "::" in address:
        return "the project's repository is an address that could run a program"
    if len(address) > 2_000 or not address.isprintable() or any(letter.isspace() for letter in address):
        return "the project's repository is not an address"
    protocol, host = _protocol_and_host(address)
    if protocol not in protocols.split(":"):
        shown = f"the transport {protocol}" if protocol else "this kind of address"
        return f"{shown} is not allowed for repositories here (TRACKRECORD_GIT_PROTOCOLS)"
    if host.startswith("-"):
        return "the project's repository is an address that could run a program"
    return ""


def _protocol_and_host(address: str) -> tuple[str, str]:
    if address.startswith("/"):
        return "file", ""
    if "://" in address:
        try:
            parsed = urlsplit(address)
        except ValueError:
            return "", ""
        return parsed.scheme, parsed.netloc.rpartition("@")[2]
    scp_like = _SCP_LIKE.fullmatch(address)
    return ("ssh", scp_like["host"]) if scp_like else ("", "")


def usable_refs(patterns: list[str]) -> list[str]:
    """Those that are patterns of branches or tags; nothing else reaches git."""
    return [pattern for pattern in patterns if _ALLOWED_REF.fullmatch(pattern)]


def stem(pattern: str) -> str:
    """The part of a pattern that git can look below: "refs/heads" for "refs/heads/*"."""
    return pattern if "*" not in pattern else pattern.partition("*")[0].rpartition("/")[0]


def allowed(ref: str, patterns: list[str]) -> bool:
    """Whether a ref fits. As in a refspec, `*` stands for slashes too: refs/heads/* has refs/heads/ada/mlp."""
    return any(fnmatchcase(ref, pattern) for pattern in patterns)


def shown(printed: str, *hidden: str) -> str:
    """What git said, on one line of at most 300 visible letters, without passwords and without our own paths."""
    lines = [line for line in printed.splitlines() if line.startswith(("fatal:", "error:"))] or printed.splitlines()
    text = " ".join(line.removeprefix("fatal:").removeprefix("error:").strip() for line in lines[:2])
    for path in hidden:
        text = text.replace(path, "…")
    text = re.sub(r"(?<=://)[^/@\s]*@", "", text)
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:300]

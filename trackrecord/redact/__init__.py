"""PURE: secrets out, before anything leaves the machine. Commit ids and digests stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trackrecord.redact.found import kind_in, text
from trackrecord.redact.lines import Hit, in_file, in_patch
from trackrecord.redact.names import TAKEN_OUT, marker, no_secret, smells
from trackrecord.redact.written import without_userinfo as url

__all__ = ["Hit", "argv", "in_file", "in_patch", "kind_in", "mapping", "smells", "text", "url", "value_of"]


_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_.-]{0,79}")
_NAME = re.compile(r"[-+~]{0,2}[0-9A-Za-z_.@/:-]{1,200}")


def value_of(name: str, value: Any) -> Any:
    """A value under its name: gone when the name smells (numbers and switches are no secrets), else cleaned inside."""
    if isinstance(value, Mapping):
        return {text(str(key)): value_of(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [value_of(name, each) for each in value]
    if not isinstance(value, str):
        return value
    return marker(text(name)) if _secret_under(name, value) else text(value)


def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dictionary, each value judged by its own name and by its shape. A name may hide one, too."""
    return {text(key): value_of(key, value) for key, value in values.items()}


def argv(words: Sequence[str]) -> list[str]:
    """A command line: `--token x`, `--token=x`, `TOKEN=x` and `-Dtoken=x` lose x."""
    kept: list[str] = []
    secret_next = ""
    for word in words:
        name, equals, value = word.partition("=")
        if secret_next and not _FLAG.fullmatch(name):
            kept.append(marker(text(secret_next)) if _secret_under(secret_next, word) else text(word))
            secret_next = ""
        elif equals and _NAME.fullmatch(name) and _secret_under(name, value):
            kept.append(f"{text(name)}={marker(text(name.lstrip('-')))}")
            secret_next = ""
        else:
            secret_next = word.lstrip("-") if not equals and _FLAG.fullmatch(word) and smells(word) else ""
            kept.append(text(word))
    return kept


def _secret_under(name: str, value: str) -> bool:
    return bool(value) and smells(name) and not no_secret(value) and not TAKEN_OUT.fullmatch(value)

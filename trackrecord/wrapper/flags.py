"""PURE: the flags of a command line as parameters: `--lr 0.1 --layers 64 64 +opt.name=adam data/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from trackrecord import redact

_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")
_FLAG = re.compile(r"--?[A-Za-z]")
_SHORT = re.compile(r"-([A-Za-z])([+-]?[0-9.].*)")  # -b32
_NAMED = re.compile(r"(?:\+{1,2})?([A-Za-z_][\w./@:-]{0,190})=(.*)", re.DOTALL)  # key=value, Hydra's +key.sub=value
_WORDS = {"true": True, "false": False, "none": None, "null": None}


def params(words: Sequence[str]) -> dict[str, Any]:
    """The parameters in the words after a script. What has no name stands under `args`; a secret is taken out.

    A flag takes the next word as its value, and further ones as a list as long as all of them are numbers; a flag
    without a value is true. `--batch-size` is called `batch_size`, as argparse calls it. A repeated one is a list.
    """
    found: dict[str, Any] = {}
    rest = [_Word(word) for word in redact.argv(words)]
    while rest:
        word = rest.pop(0)
        if word.text == "--":
            found.setdefault("args", []).extend(each.value for each in rest)
            break
        name, value = _named(word.text)
        if name and value is None:
            value = _values(rest)
        if name:
            _put(found, name, value)
        else:
            found.setdefault("args", []).append(word.value)
    return found


class _Word:
    def __init__(self, text: str) -> None:
        self.text = text
        self.value = typed(text)
        self.is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        self.is_flag = bool(_FLAG.match(text)) or text == "--"


def _named(word: str) -> tuple[str, Any]:
    """Name and value; no value (None) where it stands in the next word, no name ("") where the word has none."""
    if _FLAG.match(word):
        flag, equals, value = word.partition("=")
        short = _SHORT.fullmatch(word)
        if short:
            return short[1], [typed(short[2])]
        return flag.lstrip("-").replace("-", "_"), [typed(value)] if equals else None
    pair = _NAMED.fullmatch(word)
    return (pair[1], [typed(pair[2])]) if pair and "://" not in pair[1] else ("", None)


def _values(rest: list[_Word]) -> list[Any]:
    """Take the words that are a flag's value: `0.1`, `64 64 32`; none of them: it is a switch."""
    if not rest or rest[0].is_flag or _named(rest[0].text)[0]:
        return [True]
    taken = [rest.pop(0)]
    while taken[-1].is_number and rest and rest[0].is_number:
        taken.append(rest.pop(0))
    return [each.value for each in taken]


def _put(found: dict[str, Any], name: str, values: list[Any]) -> None:
    if name in found:
        before = found[name]
        values = [*(before if isinstance(before, list) else [before]), *values]
    found[name] = values if len(values) > 1 else values[0]


def typed(word: str) -> Any:
    """A number, true, false, none; else the text as it is. `007` is a name, not a number."""
    if _WHOLE.fullmatch(word):
        return int(word)
    if _NUMBER.fullmatch(word) and not re.match(r"[+-]?0[0-9]", word):
        return float(word)
    return _WORDS.get(word.lower(), word)

"""PURE: whatever a script calls its parameters becomes a plain nested dictionary that JSON can carry."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

# Inside the registry's bounds: a report that is refused is a run that is lost.
_DEEP = 20  # levels
_MANY = 9_000  # values in all
_LONG = 9_000  # characters of one text
_NAME = 190  # characters of a dotted name
_TEXT = 1_000_000  # characters of all texts: a report must stay small enough to be taken
_TOO_MANY = "parameters: there are too many; the last ones were not kept"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))


def plain(params: object) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters and notes about what could not be kept whole.

    Takes nested dictionaries, dataclasses, argparse.Namespace, OmegaConf and pydantic objects. A number that is not
    finite becomes "nan", "inf" or "-inf"; an object that is no value becomes its short description.
    """
    walk = _Walk()
    made = walk.value(params, 0) if params is not None else {}
    if not isinstance(made, dict):
        made = {"params": made}
    return _distinct(made, "", set()), walk.notes


def leaves(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted path: `("optimizer.lr", 0.1)`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def clean(text: str, long: int = _LONG) -> str:
    """Text that every database and every JSON parser takes: no NUL, no half characters, not endless."""
    text = _NOT_TEXT.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)
    return text if len(text) <= long else f"{text[:long]}… (cut, {len(text)} characters)"


def label(text: str, long: int) -> str:
    """One line of visible characters, as names must be; never empty."""
    text = "".join("?" if unicodedata.category(sign) in _UNSEEN else sign for sign in text).strip() or "(empty)"
    return text if len(text) <= long else f"{text[: long - 9]}…{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _distinct(made: Mapping[str, Any], above: str, seen: set[str]) -> dict[str, Any]:
    """The same with names that stay different and short when nesting is written with dots."""
    kept: dict[str, Any] = {}
    for key, value in made.items():
        name = label(key, max(12, _NAME - len(above)))
        if isinstance(value, Mapping) and value and len(above) + len(name) < _NAME - 20:
            while name in kept:
                name += "'"
            kept[name] = _distinct(value, f"{above}{name}.", seen)
            continue
        while name in kept or above + name in seen:
            name += "'"
        seen.add(above + name)
        kept[name] = json.dumps(value)[:_LONG] if isinstance(value, Mapping) and value else value
    return kept


class _Walk:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self._seen: set[int] = set()  # the containers above the current one: a cycle ends there
        self._count = 0
        self._text = 0

    def value(self, thing: object, depth: int) -> Any:
        self._count += 1
        if self._count > _MANY or self._text > _TEXT:
            if _TOO_MANY not in self.notes:
                self.notes.append(_TOO_MANY)
            return "…"
        simple = _scalar(thing)
        if isinstance(simple, str):
            self._text += len(simple)
        if simple is not _NO:
            return simple
        if depth >= _DEEP or id(thing) in self._seen:
            return "…"
        self._seen.add(id(thing))
        try:
            return self._container(thing, depth)
        except Exception as problem:  # noqa: BLE001 - the object is the script's: its own code may raise anything
            self.notes.append(f"parameters: a {type(thing).__name__} could not be read ({type(problem).__name__})")
            return f"({type(thing).__name__} that could not be read)"
        finally:
            self._seen.discard(id(thing))

    def _container(self, thing: Any, depth: int) -> Any:
        if isinstance(thing, Mapping):
            return self._pairs(((key, _get(thing, key)) for key in thing), depth)
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            names = [each.name for each in dataclasses.fields(thing)]
            return self._pairs(((name, getattr(thing, name)) for name in names), depth)
        for method in ("model_dump", "_asdict", "to_dict", "as_dict"):
            if not isinstance(thing, type) and callable(getattr(thing, method, None)):
                return self.value(getattr(thing, method)(), depth + 1)
        if isinstance(thing, list | tuple) or type(thing).__name__ == "ListConfig":
            return [self.value(each, depth + 1) for each in thing[: _MANY + 1]]
        if isinstance(thing, set | frozenset):
            return sorted((self.value(each, depth + 1) for each in thing), key=repr)
        if callable(getattr(thing, "tolist", None)):
            return self._array(thing, depth)
        if type(thing).__name__ == "Namespace" or _bag(thing):
            return self._pairs(vars(thing).items(), depth)
        return _described(thing)

    def _pairs(self, pairs: Iterable[tuple[object, object]], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if self._count > _MANY:
                break
            name = clean(key if isinstance(key, str) else str(_scalar(key, str(key))), 1000)
            self._text += len(name)
            while name in made:  # 1 and "1" are two parameters
                name += "'"
            made[name] = self.value(value, depth + 1)
        return made

    def _array(self, thing: Any, depth: int) -> Any:
        size = getattr(thing, "size", 1)
        size = size() if callable(size) else size
        total = math.prod(size) if isinstance(size, tuple) else int(size)
        if total > 1000:
            return clean(f"({type(thing).__name__} of {total} numbers)")
        return self.value(thing.tolist(), depth + 1)


_NO = object()


def _scalar(thing: object, otherwise: Any = _NO) -> Any:
    """A value that JSON knows, or `otherwise`."""
    if thing is None or isinstance(thing, bool):
        return thing
    if isinstance(thing, enum.Enum):
        return clean(thing.name)
    if isinstance(thing, int):
        return (
            int(thing) if -(2**63) <= thing < 2**63 else str(int(thing)) if thing.bit_length() < 4000 else "(huge int)"
        )
    if isinstance(thing, float):
        return float(thing) if math.isfinite(thing) else "nan" if thing != thing else "inf" if thing > 0 else "-inf"
    if isinstance(thing, str):
        return clean(str.__str__(thing))
    if isinstance(thing, PurePath):
        return clean(str(thing))
    if isinstance(thing, bytes):
        return clean(thing.decode("utf-8", "backslashreplace"))
    return otherwise


def _get(thing: Mapping[Any, Any], key: object) -> object:
    """One value of a mapping; a missing or broken one (an OmegaConf `???`) says so instead of hiding the others."""
    try:
        return thing[key]
    except Exception as problem:  # noqa: BLE001 - the mapping is the script's: its own code may raise anything
        return f"(no value: {type(problem).__name__})"


def _bag(thing: object) -> bool:
    """An object of the script's own that is nothing but its attributes."""
    if isinstance(thing, type) or callable(thing) or not getattr(thing, "__dict__", None):
        return False
    return type(thing).__repr__ is object.__repr__


def _described(thing: object) -> str:
    if isinstance(thing, type) or callable(thing):
        name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
        module = getattr(thing, "__module__", None)
        return clean(f"{module}.{name}" if module and module != "builtins" else str(name))
    return clean(_ADDRESS.sub("", repr(thing)), 2000)

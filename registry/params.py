"""PURE: a run's parameters, flat, and the digests that say when two runs had the same ones."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trackrecord.report import RunReport

MOST_PARAMS = 10_000
_LONGEST_SHOWN = 400  # an index entry of PostgreSQL holds 2,700 bytes

_SEED = re.compile(r"(?:^|[._-])(?:\w*_)?seeds?$|(?:^|[._-])random_?state$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FlatParam:
    """One parameter as it is searched: `key` is `optimizer.lr`; `number` is set for kind "number" only."""

    key: str
    kind: Literal["number", "text", "bool", "null"]
    number: float | None
    text: str


def flat(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Nested objects as dotted names, in their order; lists and empty objects stay values."""
    return list(_flat(params, ""))


def searchable(params: Mapping[str, Any]) -> list[FlatParam]:
    """The rows for all parameters."""
    return [_searchable(key, value) for key, value in flat(params)]


def seed_like(key: str) -> bool:
    """Whether a parameter only says which random numbers were drawn: `seed`, `data.random_state`."""
    return _SEED.search(key) is not None


def seed_shown(report: RunReport) -> str | None:
    """The seed for reading, "seed=3": from the parameters, else as observed. None when there is none."""
    given = [(key, value) for key, value in flat(report.params) if seed_like(key) and _is_seed(value)]
    seen = [(key, value) for key, value in report.seeds.items() if _is_seed(value)]
    return ", ".join(f"{key[-60:]}={str(value)[:40]}" for key, value in (given or seen)[:3]) or None


def canonical(value: object) -> bytes:
    """JSON in one spelling: keys in order, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def params_digest(params: Mapping[str, Any]) -> str:
    """SHA-256 of all parameters: equal for equal ones, in whatever order they were given."""
    return hashlib.sha256(canonical(params)).hexdigest()


def config_digest(report: RunReport) -> str:
    """SHA-256 of what was run: code tree, entry and parameters without seeds. Equal for siblings.

    Where the code is not known, the commit stands for it; where that is not known either, the parameters alone decide.
    """
    params = {key: value for key, value in flat(report.params) if not seed_like(key)}
    code = report.code.tree or report.code.commit
    return hashlib.sha256(canonical([code, report.command.entry, params])).hexdigest()


def _flat(params: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in params.items():
        name = f"{above}.{key}" if above else key
        if isinstance(value, Mapping) and value:
            yield from _flat(value, name)
        else:
            yield name, value


def _searchable(key: str, value: object) -> FlatParam:
    match value:
        case None:
            return FlatParam(key, "null", None, "null")
        case bool():
            return FlatParam(key, "bool", None, "true" if value else "false")
        case int() | float():
            return FlatParam(key, "number", float(value), json.dumps(value))
        case str():
            return FlatParam(key, "text", None, _short(value))
        case _:
            return FlatParam(key, "text", None, _short(json.dumps(value, ensure_ascii=False)))


def _short(text: str) -> str:
    """Cut, with the digest of the whole behind it, so that two that differ far behind are not taken for equal."""
    if len(text) <= _LONGEST_SHOWN:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: _LONGEST_SHOWN - 80]}… ({len(text):,} characters, SHA-256 {digest[:16]})"


def _is_seed(value: object) -> bool:
    return value is not None and isinstance(value, int | str)

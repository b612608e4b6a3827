"""Reads a JSON body strictly: what is taken here is exactly what was meant, and a refusal never repeats the input."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trackrecord.errors import TrackrecordError

T = TypeVar("T")

_LONGEST_NUMBER = 40  # letters; a 64-bit number has 20, a float that Python writes at most 25
_DEEPEST = 24


def refused(where: str, why: str) -> TrackrecordError:
    """The body cannot be taken: `where` is the field's path, `why` a sentence without the input in it."""
    return TrackrecordError(f"{where}: {why}." if where else f"The body is refused: {why}.", status=422)


def read(body: bytes, shape: type[T], bounds: Callable[[T], None] | None = None) -> T:
    """The body as `shape` (a dataclass of trackrecord.report, or any that carries `__pydantic_config__`).

    Raises TrackrecordError: 400 where it is not JSON, 422 where it is JSON but not the shape, or beyond the bounds.
    """
    parse(body)
    try:
        # From the bytes again: in Python mode pydantic's strictness wants the dataclass itself where an object stands.
        value: T = _adapter(cast(Any, shape)).validate_json(body)
    except ValidationError as error:
        raise _what_is_wrong(error) from None
    if bounds is not None:
        bounds(value)
    return value


def parse(body: bytes) -> Any:
    """JSON as RFC 8259 has it and no more: UTF-8, no NaN, no key twice, no number beyond 64 bits, no half character."""
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _not_json("it starts with a byte order mark; send plain UTF-8")
    try:
        text = body.decode("utf-8", "strict")
        data = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_real,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise _not_json("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"at character {error.pos} it is not JSON") from None
    except RecursionError:
        raise _not_json("it is nested too deeply") from None
    if b"\\u" in body:  # raw ones are refused by the decoder and the parser; only an escape can bring them in
        _whole_letters(data)
    return data


def clean_path(path: tuple[int | str, ...]) -> str:
    """A field's path for an error: `points.0.values.17`. Names that no report has are not repeated at length."""
    parts = [str(part) for part in path]
    plain = [re.sub(r"[^A-Za-z0-9_./@:-]", "?", part) if len(part) <= 40 else "(a long name)" for part in parts]
    return ".".join(plain)[:160]


def check_depth(value: object, where: str, deepest: int = _DEEPEST) -> None:
    """Refuse containers nested deeper than that."""
    if isinstance(value, dict | list):
        if deepest == 0:
            raise refused(where, "is nested too deeply")
        for inner in value.values() if isinstance(value, dict) else value:
            check_depth(inner, where, deepest - 1)


def _not_json(why: str) -> TrackrecordError:
    return TrackrecordError(f"The body cannot be read: {why}.", status=400)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise refused("", "an object has the same key twice")
    return made


def _whole(text: str) -> int:
    if len(text) <= 20:
        number = int(text)
        if -(2**63) <= number < 2**64:
            return number
    raise refused("", "a whole number is beyond 64 bits")


def _real(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER * 20 else math.inf
    if not math.isfinite(number):
        raise refused("", "a number is too large or too long")
    return number


def _no_constant(_text: str) -> Any:
    raise refused(
        "", 'NaN and Infinity are not JSON; a metric value may be the string "NaN", "Infinity" or "-Infinity"'
    )


def _whole_letters(data: object) -> None:
    """Refuse NUL and half characters: PostgreSQL keeps neither, and a half one cannot be written down."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
                raise refused("", "a text has a NUL or half a character in it")
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _what_is_wrong(error: ValidationError) -> TrackrecordError:
    found = error.errors(include_url=False, include_context=True, include_input=False)
    first = found[0]
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return refused(clean_path(first["loc"]), _why(first) + more)


def _why(found: ErrorDetails) -> str:
    match found["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "is not a field of this report"
        case "literal_error":
            return f"must be {found['ctx']['expected']}"
        case "json_invalid":
            return "is nested too deeply"
        case "finite_number":
            return "must be a finite number"
        case other:
            wanted = other.removesuffix("_type").removesuffix("_parsing").replace("_", " ")
            return f"must be {_WANTED.get(wanted, f'a valid {wanted}')}"


_WANTED = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "dataclass": "an object",
    "int from float": "a whole number",
}

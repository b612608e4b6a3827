"""JSON and base64 that can be read in one way only: what is verified must be what everybody else reads."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from trackrecord.errors import TrackrecordError

_LONGEST_NUMBER = 40


def parse(content: bytes, what: str, most: int) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no key twice, no NaN, no endless number. `what` is named in the errors.

    Raises TrackrecordError for everything else, and for more than `most` bytes.
    """
    if len(content) > most:
        raise refused(what, f"it is larger than {most:,} bytes")
    try:
        return json.loads(
            content.decode("utf-8", "strict"),
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise refused(what, "it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise refused(what, f"at character {error.pos} it is not JSON") from None
    except RecursionError:
        raise refused(what, "it is nested too deeply") from None
    except ValueError as error:
        raise refused(what, str(error)) from None


def from_base64(text: object, what: str) -> bytes:
    """Standard base64 in the one way to write it."""
    try:
        if isinstance(text, str):
            found = base64.b64decode(text.encode("ascii"), validate=True)
            if base64.b64encode(found).decode() == text:
                return found
    except (binascii.Error, ValueError):
        pass
    raise refused(what, "a part of it is not base64")


def refused(what: str, why: str) -> TrackrecordError:
    return TrackrecordError(f"{what} cannot be read: {why}.", "Fetch it again: trackrecord receipt RUN.", status=422)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has the same key twice")
    return made


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def _no_constant(_text: str) -> Any:
    raise ValueError("it has NaN or Infinity, which JSON has not")

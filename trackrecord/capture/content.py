"""What was read of input data, and the parts that it is read in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Content:
    """Digest, bytes, and files or rows. `partial` says why the digest does not cover all of it."""

    digest: str
    size: int
    count: int
    partial: str | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """Among the pieces of a content: why they are not all of it."""

    why: str


@dataclass(frozen=True, slots=True)
class Values:
    """Values in their order."""

    items: Iterable[Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """An array, or a value of its own."""

    value: Any


Part = bytes | memoryview | Partial | Values | Whole


def line(*words: object) -> bytes:
    """A line of words; each with its length, whatever it is made of."""
    texts = [str(word).encode("utf-8", "surrogatepass") for word in words]
    return b" ".join(b"%d:%b" % (len(text), text) for text in texts) + b"\n"


def several(*parts: Part) -> Iterator[Part]:
    """The parts of something that has few."""
    return iter(parts)

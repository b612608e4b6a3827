"""PURE: every secret of a text: of a known shape, under its name, in an address, in base64, over several lines."""

from __future__ import annotations

from collections.abc import Iterator

from trackrecord.redact import packed
from trackrecord.redact.hints import hinted, of_name
from trackrecord.redact.joined import windows
from trackrecord.redact.names import marker, of_words
from trackrecord.redact.shapes import PEM_BEGINS, PEM_ENDS, SHAPES
from trackrecord.redact.written import Span, assigned, in_addresses, in_netrc, without_userinfo

_ROUNDS = 4
_LONGEST_PEM = 20_000
_BY_HINT = tuple((word, shape) for shape in SHAPES for word in shape.words)


def kind_in(line: str) -> str | None:
    """What a line of code gives away, as words; None: nothing that we know."""
    for span in _spans(line, code=True):
        return span.kind
    for span in in_addresses(line) if "://" in line and "@" in line else ():
        return span.kind
    return None


def text(value: str) -> str:
    """The text without userinfo in URLs, and without anything that looks like a secret."""
    if not hinted(value.encode("utf-8", "replace")) and "\n" not in value:
        return value
    for _ in range(_ROUNDS):  # what is left may only now be read as something
        cleaned = _once(value)
        if cleaned == value:
            break
        value = cleaned
    return value


def _once(value: str) -> str:
    value = without_userinfo(value)
    value = _replaced(value, list(_spans(value, code=False)))
    if "\n" in value:
        joined = ((each, kind_in(each.text)) for each in windows(value, in_a_patch=False))
        value = _replaced(value, [Span(each.start, each.end, kind) for each, kind in joined if kind])
    return value


def _replaced(value: str, spans: list[Span]) -> str:
    """The text with markers in the places of the spans; of two that overlap the one that begins first."""
    parts, at = [], 0
    for span in sorted(spans):
        if span.end <= at:
            continue
        parts += [value[at : max(span.start, at)], marker(span.kind)] if span.start >= at else []
        at = span.end
    return "".join([*parts, value[at:]]) if parts else value


def _spans(value: str, *, code: bool, inside: bool = False) -> Iterator[Span]:
    yield from _private_keys(value)
    yield from _shaped(value)
    yield from assigned(value, code=code)
    if "assword" in value or "ASSWORD" in value:
        yield from in_netrc(value)
    for start, end, plain in packed.texts(value) if not inside else ():
        if any(True for _ in _spans(plain, code=code, inside=True)) or any(True for _ in in_addresses(plain)):
            yield Span(start, end, "a secret in base64")


def _private_keys(value: str) -> Iterator[Span]:
    """To where they end; without an end, only how they begin."""
    at, ends = 0, PEM_ENDS.search(value) if "-----BEGIN" in value else None
    for begins in PEM_BEGINS.finditer(value) if "-----BEGIN" in value else ():
        if begins.start() < at:
            continue
        while ends and ends.start() < begins.end():
            ends = PEM_ENDS.search(value, ends.end())
        at = ends.end() if ends and ends.end() - begins.start() < _LONGEST_PEM else begins.end()
        yield Span(begins.start(), at, "a private key")


def _shaped(value: str) -> Iterator[Span]:
    plain = of_name(value)
    for shape in dict.fromkeys(shape for hint, shape in _BY_HINT if hint in plain):
        for found in shape.compiled().finditer(value):
            if not _sample(found[0].split()[-1]):
                yield Span(found.start(), found.end(), shape.kind)


def _sample(matched: str) -> bool:
    """Made of words, or of one letter, or a manual's own example: nobody's secret."""
    return of_words(matched) or "EXAMPLE" in matched or len(set(matched[-12:])) < 3

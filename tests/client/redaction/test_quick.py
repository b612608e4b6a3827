"""Looking takes time in proportion to the text, whatever the text is: nobody can make a run wait for a pattern."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.client.redaction.places import added
from tests.soak import count
from trackrecord import redact
from trackrecord.redact.shapes import PEM_BEGINS, SHAPES

pytestmark = pytest.mark.soak
SIGNS = count(12_000, 60_000)
HOSTILE = {
    "one letter": "a",
    "one digit": "0",
    "spaces": " ",
    "line ends": "\n",
    "dashes": "-",
    "quotes": "\"'",
    "backslashes": "\\",
    "continued": "x\\\n",
    "literals": "'a'\n",
    "schemes": "http://",
    "addresses": "http://a:b",
    "almost an address": "a://" + "b" * 400,
    "names": "api_key",
    "assignments": "api_key=",
    "flags": "--token ",
    "machines": "machine a login b ",
    "passwords": "password ",
    "dots": "a.",
    "base64": "QUJD",
    "pem": "-----BEGIN RSA §-----".replace("§", "PRIVATE KEY"),
    "headers": "authorization: bearer ",
    "sk": "sk-",
    "eyJ": "eyJa.",
    "brackets": "[redacted: a",
}


def test_every_pattern_is_linear() -> None:
    """Beginnings of its own, over and over: twice as much takes at most two and a half times as long."""
    for shape in SHAPES:
        begin = shape.words[0]
        for each in (begin, begin.upper(), begin + "a", begin + "0" * 50, begin.replace("-", "_") + "aB3-"):
            _is_linear(lambda text, shape=shape: shape.compiled().search(text), each, f"{shape.kind}: {each}")  # type: ignore[misc]
    _is_linear(PEM_BEGINS.search, HOSTILE["pem"] + "\n", "PEM", signs=10 * SIGNS)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_takes_no_longer_than_its_length(unit: str) -> None:
    _is_linear(redact.text, unit, "text")
    _is_linear(lambda text: list(redact.in_file("x", text.encode())), unit, "in_file")
    _is_linear(lambda text: list(redact.in_patch(added("x", text.split("\n")))), unit, "in_patch")


def _is_linear(look: Callable[[str], object], unit: str, what: str, signs: int = SIGNS) -> None:
    small = (unit * (signs // len(unit) + 1))[:signs]
    large = small + small
    for _ in range(4):  # a machine of many may stand still at any time
        once, twice = min(_seconds(look, small) for _ in "12"), min(_seconds(look, large) for _ in "12")
        if twice < 0.02 or twice <= 2.5 * once:
            return
    raise AssertionError(f"{what}: {once * 1e3:.1f} ms, for twice as much {twice * 1e3:.1f} ms")


def _seconds(look: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    look(text)
    return time.process_time() - began

"""PURE: text that was written as base64. Only what decodes to plain text is looked into, and only once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

# Four signs that stand for three bytes below 128: of random signs one group in eight does, five in a row hardly ever.
GROUPS = r"(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][0-9A-Za-z+/_-]){5,}"
_RUN = re.compile(rf"(?<![0-9A-Za-z+/=])({GROUPS})([0-9A-Za-z+/_-]{{2,3}}(?![0-9A-Za-z+/_-]))?={{0,2}}")
_STANDARD = str.maketrans("-_", "+/")


def texts(value: str) -> Iterator[tuple[int, int, str]]:
    """Each run of base64 that holds text: where it starts and ends, and the text."""
    for found in _RUN.finditer(value):
        signs = found[1] + (found[2] or "")
        try:
            packed = base64.b64decode(signs.translate(_STANDARD) + "=" * (-len(signs) % 4))
        except (binascii.Error, ValueError):
            continue
        yield found.start(), found.end(), packed.decode("utf-8", "replace")

"""The few lines that the client says on stderr; never on stdout, and never an error when nobody can hear."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import Literal, TextIO

from trackrecord import redact

Tone = Literal["plain", "good", "warn", "bad", "dim", "bold"]
_CODES = {"good": "32", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}


def say(line: str, tone: Tone = "plain") -> None:
    """One line: `trackrecord: …`. Whatever stands in the way of saying it is swallowed."""
    try:
        stream = sys.stderr
        text = f"{paint('trackrecord:', 'dim', stream)} {paint(clean(redact.text(line)), tone, stream)}\n"
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except Exception:  # noqa: BLE001, S110 - stderr may be closed, gone or the script's own object
        pass


def paint(text: str, tone: Tone, stream: TextIO | None) -> str:
    """The text in colour, on a terminal only."""
    return tinted(text, tone) if colours(stream) else text


def tinted(text: str, tone: Tone) -> str:
    """The text in colour."""
    code = _CODES.get(tone)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def colours(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal that wants colours (`NO_COLOR`, `TERM=dumb`)."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def shown(thing: object) -> str:
    """Anything in a few words, even when its own code raises."""
    try:
        return " ".join(str(thing).split())[:300]
    except Exception:  # noqa: BLE001 - it is the script's own object
        return f"a {type(thing).__name__}"


def clean(text: str, *, lines: bool = False) -> str:
    """Text that cannot steer a terminal: escapes and direction marks show. `lines` keeps line ends and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if _harmless(sign, lines) else _shown(sign) for sign in text)


def _harmless(sign: str, lines: bool) -> bool:
    if sign in "\n\t":
        return lines
    kind = unicodedata.category(sign)
    # Format signs include direction overrides; joiners inside words (ZWJ, ZWNJ) and the soft hyphen do no harm.
    return kind not in {"Cc", "Cf", "Cs", "Zl", "Zp"} or sign in "\u200c\u200d\u00ad"


def _shown(sign: str) -> str:
    return " " if sign in "\n\t\r" else sign.encode("unicode_escape").decode("ascii")

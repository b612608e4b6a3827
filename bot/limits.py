"""PURE: Slack's numbers, and text made to fit them. What is cut says how much was cut."""

from __future__ import annotations

import re
import unicodedata

BLOCKS = 50  # of a message
HOME_BLOCKS = 100
BUTTON = 75  # label, and what a screen reader says
BUTTONS = 25  # of one actions block
VALUE = 2000
URL = 3000
ALT = 2000
UPLOAD_ALT = 1000
TITLE = 2000
ROWS = 100  # of a table, its header among them
COLUMNS = 20
CELL = 120  # ours: a phone shows no more
TABLE_CHARS = 8000  # ours: all cells of a table together, below Slack's 10,000
RICH = 2800  # ours: one piece of text, below the 3,000 of a section
MESSAGE_CHARS = 12000  # ours: all texts of a message together
SENTENCE = 299  # ours: the fallback text

# Characters that turn text round, hide it, or that JSON and databases choke on.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def clean(text: str) -> str:
    """Text without control, direction and half characters (each becomes U+FFFD); never empty."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join("\ufffd" if _bad(letter) else letter for letter in text)
    return kept if kept.strip() else "-"


def _bad(letter: str) -> bool:
    if letter in "\n\t":
        return False
    return letter in _DIRECTION or unicodedata.category(letter) in ("Cc", "Cs")


def line(text: str) -> str:
    """`clean` on one line."""
    return " ".join(clean(text).split())


def length(text: str) -> int:
    """How long Slack finds it: UTF-16 units, the larger of the two ways to count an emoji."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def cut(text: str, limit: int) -> str:
    """The text in at most `limit`; the end of a cut one says how many characters are missing."""
    if length(text) <= limit:
        return text
    room = limit - length(_missing(len(text)))
    if room < 1:
        return _head(text, limit - 1) + "…"
    kept = _head(text, room).rstrip()
    return kept + _missing(len(text) - len(kept))


def _missing(count: int) -> str:
    return f"… (+{count:,} characters)"


def _head(text: str, limit: int) -> str:
    used = 0
    for index, letter in enumerate(text):
        used += 2 if letter > "\uffff" else 1
        if used > limit:
            return text[:index]
    return text


def escape(text: str) -> str:
    """For the few places where Slack parses text: exactly the three characters that it asks for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sentence(text: str) -> str:
    """The fallback `text` of a message: one line, escaped, at most 299 characters after escaping."""
    whole = line(text)
    limit = SENTENCE
    while length(escape(shown := cut(whole, limit))) > SENTENCE:
        limit -= max(1, (length(escape(shown)) - SENTENCE) // 5)
    return escape(shown)


def is_user(text: str) -> bool:
    """Whether this is the id of a Slack user, fit to be mentioned."""
    return re.fullmatch(r"[UW][A-Z0-9]{2,20}", text) is not None

"""PURE: typed words -> the arguments of a question's function, by its own signature."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from registry.numbers import clean
from trackrecord.errors import TrackrecordError

RunRef = NewType("RunRef", str)  # a run's name, full id, unique id prefix of at least six characters, or page address
ProjectRef = NewType("ProjectRef", str)  # a project's id

LONGEST = 2_000  # characters of words; a chat line is far shorter
_HANDED_DOWN = 3  # session or writing, asker, now
_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "«": "»", "「": "」", "`": "`"}
_NAME = re.compile(r"[A-Za-z_]\w{0,40}")
_CONDITION = re.compile(r"(?P<key>[^<>=!~\s][^<>=!]{0,199}?)\s*(?P<sign><=|>=|!=|==|=|<|>)\s*(?P<value>.{1,200})", re.S)
_AGE = re.compile(r"(\d{1,6})\s*(m|min|h|d|w)", re.I)
_UNIT = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Between:
    """The bounds of a whole number, both included: `Annotated[int, Between(1, 25)]`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Since:
    """A moment, written `30d`, `12h`, `2w` or `2026-11-01` (UTC)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """`lr<0.01`. `number` is the value where it is one."""

    key: str
    sign: Literal["<", "<=", ">", ">=", "=", "!="]
    value: str
    number: float | None


@dataclass(frozen=True, slots=True)
class Word:
    """One typed word. `key` is what stood before an unquoted `=` or `:`; `raw` is how it goes back into a command."""

    text: str
    raw: str
    key: str | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter of a question as it is typed. `many`: it takes every word that is left."""

    name: str
    kind: Any
    default: Any
    option: bool
    many: bool = False

    @property
    def needed(self) -> bool:
        return self.default is inspect.Parameter.empty and not self.many

    @property
    def usage(self) -> str:
        if self.many:
            one = self.name.removesuffix("s")  # several things ("runs") are shown twice, words of one ("text") once
            return f"{one} …" if self.name == one else f"{one} {one} …"
        if not self.option:
            return self.name if self.needed else f"[{self.name}]"
        return f"[{self.name}={_example(self)}]"


def slots(function: Callable[..., Any]) -> tuple[Slot, ...]:
    """What may be typed after a question's name; the first three parameters are handed down, not typed."""
    hints = get_type_hints(function, include_extras=True)
    typed = list(inspect.signature(function).parameters.values())[_HANDED_DOWN:]
    return tuple(
        Slot(
            parameter.name.rstrip("_"),
            hints.get(parameter.name, str),
            parameter.default,
            option=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
            many=parameter.kind is inspect.Parameter.VAR_POSITIONAL,
        )
        for parameter in typed
    )


def split(words: str, options: Sequence[str] = ()) -> list[Word]:
    """Words as typed in a chat: straight and smart quotes, `key=value`, `key = value`, fullwidth ＝, `key:value`."""
    if len(words) > LONGEST:
        raise TrackrecordError(f"That is too long: {len(words):,} characters, at most {LONGEST:,} are read.")
    found = [_word(text, quoted, options) for text, quoted in _joined(_pieces(words), options)]
    return [word for word in found if word.text]


def _pieces(words: str) -> list[tuple[str, int]]:
    """(text without quotes, how many characters at its start were unquoted) of every word."""
    pieces: list[tuple[str, int]] = []
    text, bare, closing, open_ = "", -1, "", False
    cleaned = "".join(" " if letter.isspace() else letter for letter in words)
    for letter in cleaned:
        if closing:
            if letter == closing or (closing == "”" and letter in '"“'):
                closing = ""
            else:
                text += letter
        elif letter == " ":
            if text or open_:
                pieces.append((text, len(text) if bare < 0 else bare))
            text, bare, open_ = "", -1, False
        elif letter in _QUOTES and (not text or text[-1] in "=＝:：") and _closes(cleaned, letter):
            closing, open_ = _QUOTES[letter], True
            bare = len(text) if bare < 0 else bare
        else:
            text += letter
    if text or open_:
        pieces.append((text, len(text) if bare < 0 else bare))
    return [(clean(piece, LONGEST), quoted) for piece, quoted in pieces]


def _closes(line: str, opening: str) -> bool:
    """A quote that nothing closes is a letter like any other."""
    closing = _QUOTES[opening]
    return line.count(closing) >= (2 if closing == opening else 1) or (closing == "”" and '"' in line)


def _joined(pieces: list[tuple[str, int]], options: Sequence[str]) -> list[tuple[str, int]]:
    """`top = 5`, `top= 5` and `top =5` become `top=5`."""
    joined: list[tuple[str, int]] = []
    for text, bare in pieces:
        before = joined[-1] if joined else None
        opened = before is not None and before[0][-1:] in ("=", "＝") and before[1] == len(before[0])
        continues = text[:1] in ("=", "＝") and bare > 0
        if before is not None and (
            (continues and before[0] in options) or (opened and before[0][:-1].rstrip("=＝") in options)
        ):
            joined[-1] = (before[0] + text, len(before[0]) + bare)
        else:
            joined.append((text, bare))
    return joined


def _word(text: str, bare: int, options: Sequence[str]) -> Word:
    raw = f'"{text}"' if " " in text or not text else text
    for place, letter in enumerate(text[:bare]):
        if letter not in "=＝:：":
            continue
        key = text[:place].lstrip("-–—")
        if letter in ":：" and key not in options:
            continue
        if not _NAME.fullmatch(key):
            break
        value = text[place + 1 :]
        quoted = f'"{value}"' if " " in value else value
        return Word(text, f"{key}={quoted}", key, value)
    return Word(text, raw)


def value_of(slot: Slot, text: str, now: datetime) -> Any:
    """The word as its parameter's type. Raises ValueError with a sentence that says what is wanted."""
    kind, bounds = _kind(slot.kind)
    if kind is int:
        return _whole(slot.name, text, bounds)
    if kind is float:
        return _number(slot.name, text)
    if kind is bool:
        return _yes_or_no(slot.name, text)
    if kind is Since:
        return _since(text, now)
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        if text.lower() in choices:
            return text.lower()
        raise ValueError(f"{slot.name} is one of {', '.join(choices)}.")
    return text.removeprefix("@") if slot.name == "owner" else text


def conditions(text: str) -> tuple[Condition, ...]:
    """`lr<0.01,batch=32` as conditions. Raises ValueError where one is not a comparison."""
    return tuple(_condition(piece) for piece in re.split(r"[,;，]", text) if piece.strip())


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text.strip().replace("＝", "=").replace("≤", "<=").replace("≥", ">="))
    if not match:
        raise ValueError("where is a comparison like lr<0.01 or optimizer=adam.")
    sign: Any = "=" if match["sign"] == "==" else match["sign"]
    try:
        number: float | None = float(match["value"])
    except ValueError:
        number = None
    if sign in ("<", "<=", ">", ">=") and number is None:
        raise ValueError(f"where compares with {sign} only with a number.")
    return Condition(match["key"].strip(), sign, match["value"].strip(), number)


def is_conditions(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[0] is Condition


def _kind(kind: Any) -> tuple[Any, Between]:
    bounds = Between(0, 1_000_000)
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
        bounds = next((mark for mark in marks if isinstance(mark, Between)), bounds)
    if get_origin(kind) in (Union, UnionType):
        kind = next(arm for arm in get_args(kind) if arm is not type(None))
    return kind, bounds


def _whole(name: str, text: str, bounds: Between) -> int:
    wanted = f"{name} is a whole number from {bounds.low} to {bounds.high:,}."
    try:
        number = int(text[:20])
    except ValueError:
        raise ValueError(wanted) from None
    if len(text) > 20 or not bounds.low <= number <= bounds.high:
        raise ValueError(wanted)
    return number


def _number(name: str, text: str) -> float:
    try:
        return float(text[:40])
    except ValueError:
        raise ValueError(f"{name} is a number.") from None


def _yes_or_no(name: str, text: str) -> bool:
    if text.lower() in ("yes", "y", "true", "on", "1"):
        return True
    if text.lower() in ("no", "n", "false", "off", "0"):
        return False
    raise ValueError(f"{name} is yes or no.")


def _since(text: str, now: datetime) -> Since:
    try:
        if match := _AGE.fullmatch(text):
            return Since(now - timedelta(**{_UNIT[match[2].lower()]: int(match[1])}))
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("since is an age like 30d, 12h or 2w, or a day like 2026-11-01.") from None
    return Since(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _example(slot: Slot) -> str:
    kind, _ = _kind(slot.kind)
    if kind is Since:
        return "30d"
    if is_conditions(kind):
        return "lr<0.01"
    if get_origin(kind) is Literal:
        return "|".join(str(choice) for choice in get_args(kind))
    if kind is bool:
        return "yes" if slot.default else "no"
    return str(slot.default) if slot.default else "…"

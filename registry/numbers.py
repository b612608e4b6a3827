"""PURE: numbers, times, sizes and names as people read them."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime
from typing import Protocol

NO_VALUE = "no value"


class Reading(Protocol):
    """What says how the values of a metric are read: its definition."""

    @property
    def percent(self) -> bool: ...
    @property
    def decimals(self) -> int: ...
    @property
    def unit(self) -> str: ...


def read(value: float | None, metric: Reading | None, decimals: int = 0) -> str:
    """A value as its metric is read, with at least so many decimals: "91.24 %", "12.3 ms"; None: as any number."""
    if metric is None:
        return plain(value)
    return shown(value, metric.percent, max(metric.decimals, decimals), metric.unit)


def bare(value: float | None, metric: Reading) -> str:
    """The same without percent or unit, for what stands beside a value that has it."""
    return shown(value, metric.percent, metric.decimals).removesuffix(" %")


def apart(difference: float | None, metric: Reading) -> str:
    """A difference of two values of the metric: "+0.42 points", "-1.5 ms"."""
    return delta(difference, metric.percent, metric.decimals, metric.unit)


def shown(value: float | None, percent: bool = False, decimals: int = 2, unit: str = "") -> str:
    """0.91237 is "91.24 %" with percent and two decimals; 12.3 is "12.30 ms" with that unit."""
    if value is None:
        return NO_VALUE
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    scaled = value * 100 if percent else value
    return _fixed(scaled, decimals) + _behind(" %" if percent else "", unit)


def delta(difference: float | None, percent: bool = False, decimals: int = 2, unit: str = "") -> str:
    """A difference of two values, with its sign; differences of percentages are points: "+0.42 points"."""
    if difference is None or not math.isfinite(difference):
        return NO_VALUE
    scaled = difference * 100 if percent else difference
    text = _fixed(scaled, decimals)
    sign = "+" if scaled > 0 else ""
    return f"{sign}{text}" + _behind(" points" if percent else "", unit)


def _behind(percent: str, unit: str) -> str:
    return percent or (f" {clean(unit, 16)}" if unit else "")


def _fixed(value: float, decimals: int) -> str:
    decimals = min(max(decimals, 0), 12)
    rounded = round(value, decimals)
    if not math.isfinite(value) or abs(value) >= 1e9 or (rounded == 0 and value != 0):
        return f"{value:.3g}"
    return f"{rounded + 0.0:.{decimals}f}"  # + 0.0: a rounded -0.0 reads "0.00"


def plain(value: float | None) -> str:
    """A number of which no definition says how it is read: up to six digits that count."""
    if value is None:
        return NO_VALUE
    return f"{value:.6g}" if math.isfinite(value) else shown(value)


def short(commit: str | None) -> str:
    """The first 12 characters of a commit, tree or digest: enough to recognise, not to fetch by."""
    return commit[:12] if commit else "none"


def span(seconds: float) -> str:
    """How long: "42 s", "7 min", "3 h 20 min", "5 d"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{whole // 86400} d"


def ago(now: datetime, then: datetime) -> str:
    """How long before `now`; a date where it is more than sixty days, "just now" within five seconds."""
    seconds = (now - then).total_seconds()
    if seconds > 60 * 86400:
        return then.strftime("%Y-%m-%d")
    return "just now" if seconds < 5 else f"{span(seconds)} ago"


def clock(then: datetime) -> str:
    """A moment in UTC, to the minute."""
    return then.strftime("%Y-%m-%d %H:%M UTC")


def size(count: int | None) -> str:
    """Bytes: "512 B", "3.4 kB", "1.2 GB"."""
    if count is None:
        return "unknown size"
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 1000 or unit == "TB":
            break
    return f"{amount:.1f} {unit}"


def counted(count: int, thing: str, things: str = "") -> str:
    """ "1 run", "2 runs"."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def listed(things: list[str], most: int = 5, word: str = "and") -> str:
    """ "a", "a and b", "a, b and 3 more"."""
    kept = things[:most]
    if len(things) > most:
        return f"{', '.join(kept)} {word} {len(things) - most} more"
    return f"{', '.join(kept[:-1])} {word} {kept[-1]}" if len(kept) > 1 else "".join(kept)


def clean(text: str, longest: int = 80) -> str:
    """One line without control, direction or half characters, cut to `longest` with an ellipsis."""
    text = text[: longest * 8]
    line = "".join(" " if letter.isspace() else letter for letter in text if not _unseen(letter))
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _unseen(letter: str) -> bool:
    return not letter.isspace() and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co")

"""What the doctor says: how much was looked at, and each thing that is off, with what it means and what to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import log
from registry.tables import Leaf

ROWS = 1_000  # rows in memory at once
KINDS = ("leaves", "checkpoints", "receipts", "runs", "artifacts")
_RESTORE = "Keep a copy of the database and compare it with a backup; ask who has access to it."


@dataclass(frozen=True, slots=True)
class Off:
    """One thing that is not as it was."""

    where: str
    what: str
    means: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.means} {self.mend}"


@dataclass(slots=True)
class Examined:
    """How much was looked at, by kind, and what is off. `tell` is handed a line about how far it is."""

    tell: Callable[[str], None] = lambda _line: None
    counts: Counter[str] = field(default_factory=Counter)
    off: list[Off] = field(default_factory=list)
    early: int = 0  # things from before there was a log: nothing vouches for them

    def say(self, where: str, what: str, means: str = "Somebody changed it by hand.", mend: str = _RESTORE) -> None:
        self.off.append(Off(where, what, means, mend))

    def same(self, where: str, what: str, kept: object, said: object, means: str) -> None:
        """Say it where they differ. The two are not shown: they may be long, or not for everybody."""
        if kept != said:
            self.say(where, what, means)

    def count(self, kind: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] % ROWS == 0:
            self.tell(f"{self.counts[kind]:,} {kind}")

    @contextmanager
    def looking(self, where: str) -> Iterator[None]:
        """What cannot be read is off, and the rest is looked at all the same. A lost database is no finding."""
        try:
            yield
        except sa.exc.OperationalError:
            raise
        except Exception as problem:  # noqa: BLE001 - rows that somebody changed make readers raise nearly anything
            said = str(problem).split("\n", 1)[0][:200]
            self.say(where, f"It cannot be read to its end ({said or type(problem).__name__}).")

    def __str__(self) -> str:
        looked = ", ".join(f"{self.counts[kind]:,} {kind}" for kind in KINDS)
        early = f" ({self.early:,} things are from before there was a log)" if self.early else ""
        return f"{looked}: {f'{len(self.off):,} off' if self.off else 'nothing is off'}{early}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log, taken apart."""

    number: int
    kind: str
    body: dict[str, Any]

    def get(self, *names: str) -> tuple[Any, ...]:
        return tuple(self.body.get(name) for name in names)


def each(session: Session, table: Any, *order: Any) -> Iterator[Any]:
    """All rows, a part at a time in memory."""
    yield from session.exec(select(table).order_by(*order).execution_options(yield_per=ROWS))


def entries(session: Session, *where: Any) -> list[Entry]:
    """Those entries of the log, in their order."""
    asked = select(Leaf.number, Leaf.body).where(*where).order_by(col(Leaf.number))
    found = [(number, json.loads(body)) for number, body in session.exec(asked)]
    return [Entry(number, str(body.get("kind")), body) for number, body in found]


def log_began(session: Session) -> str:
    """When the first entry was made, as the log writes times."""
    first = entries(session, col(Leaf.number) == 0)
    return str(first[0].body["at"]) if first else "9"


def written(at: datetime | None) -> str | None:
    """A time as the log writes it; None for none."""
    return None if at is None else log.written(at)

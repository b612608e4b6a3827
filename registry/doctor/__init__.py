"""The doctor: makes again what can be made again of log, receipts, runs and files, and says what is not as it was.

One room for each kind of evidence. Everything is held against the log, and the log against its signed checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlmodel import Session

from registry.artifacts import Store
from registry.doctor import files, judgements, receipts, runs, signed, team, tree
from registry.doctor.found import Examined, Off

__all__ = ["Examined", "Off", "examine", "hold_still"]


def hold_still(session: Session) -> None:
    """As the first statement: until the transaction ends, it sees the database as it is now, whoever writes meanwhile.

    SQLite's transactions do that by themselves.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def examine(session: Session, store: Store, tell: Callable[[str], None] = lambda _line: None) -> Examined:
    """Everything, in one state of the database (see `hold_still`). `tell` is handed a line about how far it is."""
    found = Examined(tell)
    looks: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the log", lambda: tree.leaves(session, found)),
        ("the keys", lambda: signed.keys(session, found)),
        ("the checkpoints", lambda: signed.checkpoints(session, found)),
        ("the receipts", lambda: receipts.all_of_them(session, found)),
        ("the projects", lambda: team.projects(session, found)),
        ("the tokens", lambda: team.tokens(session, found)),
        ("the runs", lambda: runs.all_of_them(session, found, judgements.of_run)),
        ("the files", lambda: files.all_of_them(session, store, found)),
    )
    for where, look in looks:
        tell(where)
        with found.looking(where):
            look()
    return found

"""The way from any earlier database to the tables of this version: short, named steps that are never changed again.

A new step is written by `python -m registry.migrations some_name`, then read and corrected by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from trackrecord.errors import TrackrecordError

_LOCK = 0x7472_6D69  # any number that nothing else in the database locks
_PATIENCE_MS = 600_000  # another process may be migrating a large database


def migrate(engine: sa.Engine) -> None:
    """Bring the database to this version's tables; nothing when it is there. Safe in several processes at once.

    Raises TrackrecordError when the database was written by a newer version.
    """
    with _alone(engine) as connection:
        config = _config(connection)
        _refuse_newer(connection, config)
        command.upgrade(config, "head")
        _check_references(connection)


def is_migrated(engine: sa.Engine) -> bool:
    """Whether the database has exactly this version's tables."""
    with engine.connect() as connection:
        return _revisions(connection) == set(ScriptDirectory.from_config(_config(connection)).get_heads())


def _config(connection: sa.Connection) -> Config:
    config = Config()  # no file: what alembic.ini would say is said here
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that no other migration shares, with foreign keys off on SQLite.

    Alembic alters a SQLite table by dropping and making it again: with foreign keys on, that would empty its children.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.detach()  # closed afterwards: these settings must not go back to the pool
            raw = connection.connection.cursor()  # foreign keys cannot be switched inside a transaction
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
            raw.close()
        with connection.begin():  # on SQLite BEGIN IMMEDIATE, which is the lock
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection


def _revisions(connection: sa.Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _refuse_newer(connection: sa.Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    newer = _revisions(connection) - known
    if newer:
        raise TrackrecordError(
            f"The database is at revision {', '.join(sorted(newer))}, which this version of trackrecord does not know.",
            "It was written by a newer version: upgrade trackrecord, or give it another database.",
            status=503,
        )


def _check_references(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            tables = ", ".join(sorted({str(row[0]) for row in broken}))
            raise TrackrecordError(f"Migrating would leave rows that refer to nothing, in: {tables}. Nothing was done.")

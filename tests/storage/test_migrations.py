"""Migrations and tables must not drift apart, on either database; data must survive them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel

from registry import tables
from registry.db import connect, transaction
from registry.migrations import _alone, _check_references, is_migrated, migrate
from trackrecord.errors import TrackrecordError


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database without any table."""
    if request.param == "sqlite":
        engine = connect(f"sqlite:///{tmp_path}/bare.sqlite")
    else:
        engine = connect(request.getfixturevalue("empty_postgres_url"))
    yield engine
    engine.dispose()


def schema(engine: sa.Engine) -> dict[str, object]:
    """Everything that the database says about itself: columns, keys, checks, indexes."""
    inspector = sa.inspect(engine)
    said: dict[str, object] = {}
    for name in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)]
        said[name] = {
            "columns": columns,
            "primary": inspector.get_pk_constraint(name),
            "foreign": sorted(map(str, inspector.get_foreign_keys(name))),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "checks": sorted(map(str, inspector.get_check_constraints(name))),
            "indexes": sorted(map(str, inspector.get_indexes(name))),
        }
    return said


def test_migrations_give_exactly_the_tables(bare: sa.Engine) -> None:
    assert not is_migrated(bare)
    migrate(bare)
    assert is_migrated(bare)
    migrated = schema(bare)
    assert set(migrated) == set(SQLModel.metadata.tables)
    with bare.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    SQLModel.metadata.drop_all(bare)
    SQLModel.metadata.create_all(bare)
    assert schema(bare) == migrated


def test_sqlite_tables_are_strict(sqlite_engine: sa.Engine) -> None:
    with sqlite_engine.connect() as connection:
        listed = connection.exec_driver_sql("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").all()
    strict = {name for name, is_strict in listed if is_strict}
    assert strict == set(SQLModel.metadata.tables)


def test_many_processes_may_migrate_at_once(bare: sa.Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: migrate(bare), range(6)))
    assert is_migrated(bare)


def test_a_newer_database_is_refused_with_words(bare: sa.Engine) -> None:
    migrate(bare)
    with bare.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TrackrecordError, match=r"revision 9999.*does not know.*upgrade trackrecord"):
        migrate(bare)
    assert not is_migrated(bare)


def test_migrating_again_keeps_every_row_and_the_settings_of_the_pool(engine: sa.Engine, now: datetime) -> None:
    with transaction(engine) as session:
        session.add(tables.Project(id="milestone-1", created_at=now))
        session.flush()
        session.add(tables.Token(digest="d", owner="ada", role="runner", project_id="milestone-1", created_at=now))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.Token)).scalar_one() == 1
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_table_that_is_made_again_keeps_its_children(engine: sa.Engine, now: datetime) -> None:
    """Alembic alters a SQLite table by dropping it: what a later migration does, in the transaction it does it in."""
    with transaction(engine) as session:
        session.add(tables.Project(id="milestone-1", created_at=now))
        session.flush()
        session.add(tables.SlackChannel(team_id="T", channel_id="C", project_id="milestone-1"))
    with _alone(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("project", recreate="auto") as batch:
            batch.alter_column("title", existing_type=sa.String(), nullable=True)
        _check_references(connection)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.SlackChannel)).scalar_one() == 1
        column = next(c for c in sa.inspect(connection).get_columns("project") if c["name"] == "title")
        assert column["nullable"]


def test_rows_that_refer_to_nothing_stop_a_migration(sqlite_engine: sa.Engine, now: datetime) -> None:
    raw = sqlite_engine.raw_connection()
    raw.driver_connection.execute("PRAGMA foreign_keys=OFF")
    raw.driver_connection.execute("INSERT INTO slack_channel VALUES ('T', 'C', 'gone', 1, 0)")
    raw.driver_connection.execute("PRAGMA foreign_keys=ON")
    raw.close()
    with pytest.raises(TrackrecordError, match="slack_channel"):
        migrate(sqlite_engine)

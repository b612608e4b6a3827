"""Real databases for the tests: each test gets its own, migrated and empty, on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.db import connect
from registry.migrations import migrate
from tests import postgres
from tests.shelf import Shelf, new_name, url_of


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest starts first: begun last, it would be waited for while the other processes have nothing."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def pytest_collection_finish() -> None:
    """What is loaded now stays to the end: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = connect(f"sqlite:///{file}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


@pytest.fixture(scope="session")
def _postgres_admin() -> Iterator[sa.Engine]:
    """Where databases are made: the server named by TRACKRECORD_TEST_DATABASE_URL, or one of our own."""
    given = os.environ.get("TRACKRECORD_TEST_DATABASE_URL")
    server = None if given else postgres.start()
    url = given if server is None else server.url
    assert url is not None
    engine = connect(url).execution_options(isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()
    if server is not None:
        server.stop()


@pytest.fixture(scope="session")
def _postgres_template(_postgres_admin: sa.Engine) -> Iterator[str]:
    with _database(_postgres_admin) as url:
        engine = connect(url)
        migrate(engine)
        engine.dispose()
        name = sa.make_url(url).database
        assert name is not None
        yield name


@contextmanager
def _database(admin: sa.Engine, template: str = "template0") -> Iterator[str]:
    """A database of its own, its URL; dropped afterwards even if something is still connected."""
    name = new_name()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url_of(admin, name)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_shelf(_postgres_admin: sa.Engine, _postgres_template: str) -> Iterator[Shelf]:
    """Migrated databases that tests take and put back."""
    shelf = Shelf(_postgres_admin, _postgres_template)
    yield shelf
    shelf.clear()


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite database."""
    file = tmp_path / "registry.sqlite"
    shutil.copyfile(_sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(_postgres_admin: sa.Engine, postgres_shelf: Shelf) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database."""
    name = postgres_shelf.take()
    yield url_of(_postgres_admin, name)
    postgres_shelf.put_back(name)


@pytest.fixture
def empty_postgres_url(_postgres_admin: sa.Engine) -> Iterator[str]:
    """The URL of a PostgreSQL database without any table."""
    with _database(_postgres_admin) as url:
        yield url


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[sa.Engine]:
    """A migrated, empty SQLite database."""
    engine = connect(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database: the test runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """A migrated, empty database: the test runs once on SQLite and once on PostgreSQL."""
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def now() -> datetime:
    """A time to hand to what takes one."""
    return datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

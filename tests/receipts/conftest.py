"""A registry that issues receipts, on each kind of database, and one that is made once for all who only read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.db import connect
from tests.receipts.making import Maker


@pytest.fixture
def maker(engine: sa.Engine, tmp_path: Path) -> Maker:
    """On both kinds of database."""
    return Maker.over(engine, tmp_path)


@pytest.fixture
def small(sqlite_engine: sa.Engine, tmp_path: Path) -> Maker:
    """On SQLite only, for what does not depend on the database."""
    return Maker.over(sqlite_engine, tmp_path)


@pytest.fixture(scope="session")
def shared(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """One whose receipts are only read."""
    folder = tmp_path_factory.mktemp("receipts")
    shutil.copyfile(_sqlite_template, folder / "registry.sqlite")
    engine = connect(f"sqlite:///{folder / 'registry.sqlite'}")
    yield Maker.over(engine, folder)
    engine.dispose()

"""A registry with its HTTP edge on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.api.scene import Scene, make_scene


@pytest.fixture
def scene(engine: sa.Engine, tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(engine, tmp_path)
    with made.client:
        yield made


@pytest.fixture
def small(sqlite_engine: sa.Engine, tmp_path: Path) -> Iterator[Scene]:
    """On SQLite only, for what does not depend on the database."""
    made = make_scene(sqlite_engine, tmp_path)
    with made.client:
        yield made

"""One registry process for all of these tests; every test has a home of journals of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.db import connect
from tests.api.scene import body
from tests.faults.place import PROJECT, Place
from tests.flows.process import Registry
from trackrecord.report import MetricRules, ProjectRules

# A run that arrives whole is verified by these: what a fault does to it is then seen in its verdict.
RULES = ProjectRules(
    title="Milestone 1",
    metrics=[MetricRules(name="loss", split="test", dataset="none", dataset_digest="0" * 64, direction="lower")],
    checks=["history_complete"],
)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, sa.Engine]]:
    """The registry as a program, and its database."""
    folder = tmp_path_factory.mktemp("faults")
    engine = connect(f"sqlite:///{folder / 'registry.sqlite'}")
    with Registry(engine, folder, silent_after_s="5") as registry:
        made = registry.send("PUT", f"/api/v1/projects/{PROJECT}", registry.admin_token, body(RULES))
        assert made[0] == 201, made
        yield registry, engine
    engine.dispose()


@pytest.fixture
def place(served: tuple[Registry, sa.Engine], tmp_path: Path) -> Place:
    """A fresh home beside the registry."""
    return Place(*served, tmp_path)

"""A developer's clone for each test, copied from one that was made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.checks.code import Clone


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository") / "made"
    folder.mkdir()
    Clone.make(folder)
    return folder


@pytest.fixture
def clone(_made_once: Path, tmp_path: Path) -> Clone:
    """A clone with one commit that is pushed; the registry has not looked yet."""
    shutil.copytree(_made_once, tmp_path / "code", symlinks=True)
    return Clone.at(tmp_path / "code")

"""The house keeps its own rules: what a newcomer is told about it is true, and each rule can be seen to fail."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import registry.announcements
import registry.answers
import registry.checks
from registry.settings import Settings
from tests import env_example

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("trackrecord", "registry", "bot", "examples")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if not {"vendor", "data", "out"} & set(path.relative_to(ROOT).parts):
                yield path


def _behaviours() -> list[tuple[ModuleType, str]]:
    return [
        (package, found.name)
        for package in (registry.answers, registry.checks, registry.announcements)
        for found in pkgutil.iter_modules(package.__path__)
        if not found.name.startswith("_")
    ]


@pytest.mark.parametrize(("package", "name"), _behaviours(), ids=lambda x: getattr(x, "__name__", x))
def test_every_answer_check_and_announcement_is_one_documented_function(package: ModuleType, name: str) -> None:
    module = importlib.import_module(f"{package.__name__}.{name}")
    function = getattr(module, name, None)
    assert inspect.isfunction(function), f"{module.__file__} has no function {name}"
    assert (inspect.getdoc(function) or "").strip(), f"{name} in {module.__file__} has no docstring: help shows it"
    assert (module.__doc__ or "").strip(), f"{module.__file__} does not open with a sentence"


def test_there_are_answers_checks_and_announcements() -> None:
    folders = {package.__name__ for package, _ in _behaviours()}
    assert folders == {"registry.answers", "registry.checks", "registry.announcements"}


def test_files_and_functions_are_short() -> None:
    long: list[str] = []
    for path in _sources():
        text = path.read_text()
        where = path.relative_to(ROOT)
        if len(text.splitlines()) > 400:
            long.append(f"{where} has {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > 60:
                    long.append(f"{where}:{node.lineno} {node.name} has {length} lines")
    assert not long, "\n".join(long)


def test_every_file_opens_with_a_sentence() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent, f"no opening sentence in {silent}"


def test_env_example_is_what_the_settings_say() -> None:
    regenerate = "run `.venv/bin/python -m tests.env_example`"
    assert env_example.FILE.read_text() == env_example.render(), f".env.example is out of date: {regenerate}"
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), f"setting {name} has no sentence"


def test_no_secret_has_a_default() -> None:
    for line in env_example.render().splitlines():
        if re.match(r"#TRACKRECORD_\w*(TOKEN|SECRET|PASSWORD)\w*=", line):
            assert line.endswith("="), line


def test_the_base_install_is_two_packages() -> None:
    names = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in PYPROJECT["project"]["dependencies"]}
    assert names == {"urllib3", "click"}


def test_nothing_points_into_one_machine_or_one_index() -> None:
    """Private indexes must work, and nobody else has the folders of whoever wrote this."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    hosts = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs.org", "conda." + "anaconda.org"]
    folders = ["/" + "work/main", "/" + "work/shared", "/tmp/" + "bash_jobs"]
    found = [
        f"{name}: {word}"
        for name in listed.split("\0")
        if name and (ROOT / name).is_file()
        for word in (*hosts, *folders)
        if word.encode() in (ROOT / name).read_bytes()
    ]
    assert not found, "\n".join(found)


# Where each contract is broken, to see that it holds: file -> line. The line is added to a copy.
PLANTS = {
    "the bot speaks, the registry knows, the client is the ground": ("registry/db.py", "import bot"),
    "the client needs urllib3, click and the standard library, nothing else": ("trackrecord/errors.py", "import numpy"),
    "thinking does not look, draw, send or schedule": ("registry/ranking.py", "import registry.db"),
    "checks judge what they are handed: no database": ("registry/facts.py", "import sqlalchemy"),
    "no answer knows another answer": ("registry/answers/recent.py", "import registry.answers.best"),
    "no check knows another check": ("registry/checks/writer_known.py", "import registry.checks.data_pinned"),
    "flows are handed a session by an edge": ("registry/outbox.py", "import registry.settings"),
    "only the bot speaks Slack": ("registry/db.py", "import slack_sdk"),
    "one importer each for GitPython, matplotlib and APScheduler; FastAPI at the edges": (
        "registry/artifacts.py",
        "import git",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    for package in PYPROJECT["tool"]["importlinter"]["root_packages"]:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint(folder: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / "lint-imports")]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
    )
    return done.returncode, done.stdout + done.stderr


def test_import_contracts_hold(copy: Path) -> None:
    code, said = _lint(copy)
    assert code == 0, said
    assert said.count("KEPT") == len(CONTRACTS), said


def test_every_contract_is_broken_by_some_plant() -> None:
    assert set(PLANTS) == {contract["name"] for contract in CONTRACTS}


@pytest.mark.parametrize("name", PLANTS)
def test_a_broken_contract_is_found(copy: Path, name: str) -> None:
    file, line = PLANTS[name]
    path = copy / file
    before = path.read_text()
    try:
        path.write_text(f"{before}\n{line}\n")
        code, said = _lint(copy)
    finally:
        path.write_text(before)
    assert code != 0, said
    assert f"{name} BROKEN" in said, said


def test_what_has_a_full_count_is_run_by_soak() -> None:
    """`make soak` runs what is marked: a module that asks for the full count and has no mark would never reach it."""
    unmarked = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "from tests.soak import count" in (text := path.read_text()) and "mark.soak" not in text
    ]
    assert unmarked == []

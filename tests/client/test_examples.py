"""Every example in a docstring of the client runs, against the real registry: what readers copy works."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackrecord
from tests.client import served
from trackrecord import config, keyring, receipt
from trackrecord.client import Client

PACKAGE = Path(trackrecord.__file__).parent
# The adapters' own run in tests/frameworks, with their frameworks; note.py shows the form of a text.
ELSEWHERE = ("adapters/", "note.py")
GOLDEN = Path(__file__).parents[1] / "receipts" / "golden" / trackrecord.__version__


def examples() -> dict[str, str]:
    """The code in docstrings, indented there by four, by "file:name"."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).as_posix()
        if where.startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                lines = (ast.get_docstring(node) or "").splitlines()
                code = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
                if code.strip():
                    found[f"{where}:{getattr(node, 'name', 'module')}"] = code.strip()
    return found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with served.served(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def door(address: tuple[str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """This process is configured for the registry, which has the project, and stands in a folder with a few files."""
    monkeypatch.setenv("TRACKRECORD_URL", address[0])
    monkeypatch.setenv("TRACKRECORD_TOKEN", address[1])
    made = Client(config.load())
    made.ask("PUT", "/api/v1/projects/milestone-1", b'{"title": "Digits"}')
    for name in ("model.pt", "data/test/one.txt"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"content")
    shutil.copy(GOLDEN / "keys.json", home)
    shutil.copy(GOLDEN / "verified.receipt.sigstore.json", home / "brave-otter-42.receipt.sigstore.json")
    return made


class Model:
    def predict(self, images: list[list[float]]) -> list[int]:
        return [round(sum(image)) for image in images]


@pytest.mark.parametrize("name", examples())
def test_an_example_runs(name: str, door: Client, capsys: pytest.CaptureFixture[str]) -> None:
    code = examples()[name]
    names: dict[str, Any] = {
        "trackrecord": trackrecord, "Path": Path, "keyring": keyring, "verify": receipt.verify,
        "step": 3, "accuracy": 0.91, "ids": ["a", "b"], "images": [[0.1], [0.9]], "model": Model(),
    }  # fmt: skip
    if re.search(r"\brun\.\w+\(", code) and not re.search(r"\brun = | as run\b", code):
        names["run"] = trackrecord.start("milestone-1")
    exec(compile(code, name, "exec"), names)
    if "def train" in code:
        assert names["train"](lr=0.2) == {"test/accuracy": 0.91}
    trackrecord.finish()
    said = capsys.readouterr()
    began = re.findall(r"trackrecord: \S+ of milestone-1 \S+/runs/([0-9A-Z]{26})", said.err)
    assert len(began) == ("trackrecord" in code or "run" in names)
    assert not re.search("not recorded|could not|cannot be|failed", said.err), said.err
    for run_id in began:
        seen = door.ask("GET", f"/api/v1/runs/{run_id}")
        assert seen["state"] == "finished"
        assert seen["report"]["params"] == (
            {"lr": 0.2, "epochs": 3} if "def train" in code else {"lr": 0.1} if "lr" in code else {}
        )
        if "test/accuracy" in code:
            points = door.ask("GET", f"/api/v1/runs/{run_id}/history", query={"metric": "test/accuracy"})
            assert points["values"] == [0.91]
    if "print(" in code:
        assert said.out.startswith("verified MetricSaid(name='test/accuracy'")


def test_examples_are_found() -> None:
    """The list is read from the files: were it empty, nothing would fail."""
    public = ("run", "log", "dataset", "artifact", "predictions")
    found = {
        *(f"recording.py:{name}" for name in public),
        "session.py:start",
        "session.py:recorded",
        "receipt.py:module",
    }
    assert found <= set(examples())

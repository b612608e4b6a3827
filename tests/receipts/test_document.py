"""deploy/RECEIPTS.md is executed: its recipes accept what the registry issues and refuse what was changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import keys
from tests.receipts.making import Made, Maker

DOCUMENT = Path(__file__).resolve().parents[2] / "deploy" / "RECEIPTS.md"
NAME = "brave-otter-42"


def recipe(name: str) -> str:
    """The code block of that name."""
    found = re.findall(rf"```\w+ {name}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture(scope="module")
def made(shared: Maker) -> Made:
    return shared.make(6_000, verdict="verified")


def saved(made: Made, folder: Path) -> Path:
    made.save(folder, NAME)
    (key,) = (row["public"] for row in json.loads(made.keys)["keys"] if row["use"] == "receipt")
    (folder / "receipt-key.pem").write_text(key)
    return folder


def by_shell(folder: Path) -> subprocess.CompletedProcess[str]:
    """As somebody pastes it into a plain POSIX shell, with nothing of ours on the path."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C"}
    return subprocess.run(
        ["sh"], input=recipe("openssl"), cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def by_python(folder: Path) -> subprocess.CompletedProcess[str]:
    files = [f"{NAME}.receipt.sigstore.json", f"{NAME}.run.json", "receipt-key.pem"]
    command = [sys.executable, "-I", "-c", recipe("securesystemslib"), *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_openssl_accepts_it_and_says_its_id_and_verdict(made: Made, tmp_path: Path) -> None:
    done = by_shell(saved(made, tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Verified OK\nreceipt {made.id}\nverdict verified\n"
    assert (tmp_path / "payload.json").read_bytes() == made.payload


def test_securesystemslib_accepts_it(made: Made, tmp_path: Path) -> None:
    done = by_python(saved(made, tmp_path))
    assert (done.returncode, done.stdout) == (0, "verified\n"), done.stderr


CHANGES: dict[str, tuple[str, Callable[[str], str]]] = {
    "payload": ("receipt.sigstore.json", lambda text: text.replace('"payload": "eyJ', '"payload": "eyK', 1)),
    "type": ("receipt.sigstore.json", lambda text: text.replace("vnd.in-toto", "vnd.in-tono", 1)),
    "signature": ("receipt.sigstore.json", lambda text: text.replace('"sig": "ME', '"sig": "MF', 1)),
    "two payloads": (
        "receipt.sigstore.json",
        lambda text: text.replace('"payload":', '"payload": "e30=", "payload":', 1),
    ),
    "record": ("run.json", lambda text: text.replace("otter", "eagle", 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_both_refuse_what_was_changed(made: Made, tmp_path: Path, change: str) -> None:
    end, apply = CHANGES[change]
    file = saved(made, tmp_path) / f"{NAME}.{end}"
    file.write_text(apply(file.read_text()))
    done = by_shell(tmp_path)
    assert done.returncode != 0
    assert "verdict" not in done.stdout
    if change != "two payloads":  # JSON readers take the last one, and that is the signed one
        assert by_python(tmp_path).returncode != 0


def test_both_refuse_another_key(made: Made, tmp_path: Path) -> None:
    saved(made, tmp_path)
    (tmp_path / "receipt-key.pem").write_text(keys.load(tmp_path / "stranger").receipt.public_pem)
    assert by_shell(tmp_path).returncode != 0
    assert by_python(tmp_path).returncode != 0


def test_the_document_names_what_there_is() -> None:
    text = DOCUMENT.read_text()
    said = subprocess.run(
        [sys.executable, "-m", "registry", "--help"], cwd=DOCUMENT.parents[1], capture_output=True, text=True
    ).stdout
    for command in set(re.findall(r"python -m registry ([a-z-]+)", text)):
        assert command in said, command
    for named in re.findall(r"`(tests/[^`]+)`", text):
        assert (DOCUMENT.parents[1] / named).exists(), named

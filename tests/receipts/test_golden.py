"""Receipts of every release verify for ever, and say what they said then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.receipts.golden import FOLDER
from tests.receipts.judges import Case, by_openssl, by_securesystemslib, by_sigstore
from trackrecord import keyring
from trackrecord.receipt import verify
from trackrecord.version import __version__

RECEIPTS = sorted(FOLDER.glob("*/*.receipt.sigstore.json"))


def beside(file: Path, end: str) -> Path:
    return file.with_name(file.name.replace("receipt.sigstore.json", end))


def test_this_release_has_its_golden_receipts() -> None:
    assert (FOLDER / __version__ / "expected.json").is_file(), "run: python -m tests.receipts.golden"
    for expected in FOLDER.glob("*/expected.json"):
        names = {file.name.split(".")[0] for file in expected.parent.glob("*.receipt.sigstore.json")}
        assert set(json.loads(expected.read_text())) == names


@pytest.mark.parametrize("file", RECEIPTS, ids=lambda file: f"{file.parent.name}-{file.name.split('.')[0]}")
def test_a_golden_receipt_verifies(file: Path) -> None:
    keys = keyring.read((file.parent / "keys.json").read_bytes(), "keys.json")
    found = verify(
        file.read_bytes(),
        [keys],
        record=beside(file, "run.json").read_bytes(),
        proof=beside(file, "tlog-proof").read_bytes(),
    )
    expected = json.loads((file.parent / "expected.json").read_text())[file.name.split(".")[0]]
    said = found.said
    value = said.metric.value if said.metric else None
    assert {"id": found.id, "verdict": said.verdict, "run": said.run, "value": value} == expected
    assert [each.what for each in found.checked][-2:] == ["checkpoint", "inclusion"]


def test_the_other_three_agree(tmp_path: Path) -> None:
    cases = []
    for file in RECEIPTS:
        rows = json.loads((file.parent / "keys.json").read_text())["keys"]
        keys = {row["id"]: row["public"] for row in rows if row["use"] == "receipt"}
        cases.append(Case(file.read_text(), beside(file, "run.json").read_bytes(), keys))
    assert len(cases) >= 5
    assert by_sigstore(cases) == [""] * len(cases)
    for case in cases:
        assert (by_securesystemslib(case), by_openssl(case, tmp_path)) == ("", "")

"""The environment of the frameworks: exactly what the lock says, and one clear reason where torch cannot be had."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.frameworks import ensure
from tests.frameworks.ensure import Frameworks

WANTED = "torch==2.13.0+cpu"


def test_the_lock_is_hashed_and_has_no_build_for_gpus() -> None:
    entries = ensure._requirements()
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}", each) for each in entries)
    names = [re.split("[=]", each)[0] for each in entries]
    assert (names.count("torch"), "lightning" in names, [each for each in names if "nvidia" in each]) == (1, True, [])
    [torch] = [each for each in entries if each.startswith("torch==")]
    assert torch.startswith(f"{WANTED} ")
    assert "://" not in ensure.LOCK.read_text()
    assert torch.strip() in (ensure.ROOT / "Makefile").read_text(), "`make locks` writes another torch"


def test_it_is_made_once(frameworks: Frameworks) -> None:
    before = ensure.READY.stat().st_mtime_ns
    assert ensure.ensure().python == frameworks.python
    if frameworks.no_torch is None:
        assert ensure.READY.stat().st_mtime_ns == before


@pytest.mark.parametrize("offered", ["nothing", "other bytes"])
def test_without_that_build_of_torch_the_reason_is_one_that_ci_lets_through(
    offered: str, frameworks: Frameworks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))  # what is installed already does not count then
    if offered == "other bytes":
        (tmp_path / "torch-2.13.0+cpu-py3-none-any.whl").write_bytes(b"not this")
    said = ensure._torch(Path(frameworks.python))
    assert said is not None
    why = f"No matching distribution found for {WANTED}" if offered == "nothing" else "DO NOT MATCH THE HASHES"
    assert said.startswith("needs a CPU build of torch 2.13.0: ")
    assert why in said
    [may] = re.findall(r"^may='(.*)'$", (ensure.ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    line = f"SKIPPED [1] tests/frameworks/conftest.py:36: {said}"
    assert subprocess.run(["grep", "-qvE", may], input=line, text=True, check=False).returncode == 1

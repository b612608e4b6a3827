"""Data as pandas, polars, Arrow, Hugging Face and torch hold it: two contents have two digests, one content has one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.frameworks.ensure import ROOT, Frameworks

SCRIPT = Path(__file__).parent / "scripts" / "digests.py"


LIBRARIES = ("pandas", "polars", "arrow", "datasets", "torch")


def test_tables_and_tensors_by_all_of_their_content(frameworks: Frameworks, tmp_path: Path) -> None:
    libraries = LIBRARIES if frameworks.no_torch is None else LIBRARIES[:-1]
    done = subprocess.run(
        [frameworks.python, str(SCRIPT), *libraries],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *told, images = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["library"], each["twice"], each["unequal"]) for each in told] == [
        (name, [], []) for name in libraries
    ]
    assert min(each["count"] for each in told) >= 9
    # What is large and cannot change afterwards may be read in the background.
    waiting = {each["library"]: each["fixed"] for each in told}
    assert waiting["datasets"] == told[3]["count"]
    assert (waiting["pandas"], waiting["polars"], waiting["arrow"]) == (0, 0, 0)
    assert images == {"partial": [None, "the files that image names were not read"]}

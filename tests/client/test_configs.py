"""Configuration files that the command line names are seen as the repository names them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_SCRIPT = """import json, os, pathlib
from trackrecord.capture import command
print(json.dumps(command.look(pathlib.Path(os.environ["TOP"]), {}).configs))
"""


def configs(top: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "train.py", *words],
        cwd=top / "work",
        env={**os.environ, "TOP": str(top)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_files_with_the_ending_of_a_configuration_inside_the_repository(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "work" / "conf").mkdir(parents=True)
    (top / "work" / "train.py").write_text(_SCRIPT)
    for name in ("work/conf/a.yaml", "work/b.JSON", "c.toml", "work/data.csv", "../outside.ini"):
        (top / name).write_text("x")
    words = ("conf/a.yaml", "--config=b.JSON", "--config", "../c.toml", "data.csv", "none.yaml", "../../outside.ini")
    assert configs(top, *words, "conf/a.yaml", "x" * 5_000 + ".yaml", "conf", "") == [
        "work/conf/a.yaml",
        "work/b.JSON",
        "c.toml",
    ]
    assert configs(top) == []

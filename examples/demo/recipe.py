"""Paste what `/repro` says into a shell, as the developer would, and look whether the very same tree comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo.parts import call

if TYPE_CHECKING:
    from examples.demo.once import Scene


def check(scene: Scene) -> None:
    """The dirty run's recipe gives its tree, byte for byte."""
    dirty = scene.of("dirty")
    tree = scene.facts[dirty.run]["report"]["code"]["tree"]
    parts = scene.here.answer("repro", dirty.name)["parts"]
    # The first script rebuilds the code; the ones after it install packages and train again.
    script = next(part["text"] for part in parts if part["part"] == "code" and "git clone" in part["text"])
    developer = next(each for each in scene.developers if each.name == dirty.owner)
    with tempfile.TemporaryDirectory(dir=scene.here.folder) as folder:
        place = Path(folder)
        done = call(["bash"], developer.environment, place, may_fail=True, text_in=script, seconds=180)
        trees = [
            call(["git", "write-tree"], developer.environment, found.parent, may_fail=True).stdout.strip()
            for found in place.glob("**/.git")
        ]
        left = [path.name for path in place.glob("**/augment.py")]
    seen = f"{trees}, status {done.returncode} {done.stderr.strip()[-300:] if done.returncode else ''}"
    scene.check("the pasted recipe ends well", done.returncode == 0, f"status {done.returncode}")
    scene.check(f"its git write-tree is the run's {tree}", trees == [tree], seen)
    scene.check("the untracked module is there again", bool(left), left)

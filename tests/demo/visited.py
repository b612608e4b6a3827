"""`python -m examples.demo --once` that waits for a line on stdin before its checks, as the demo without --once waits
for Ctrl-C: what a newcomer sees and what is checked are then of one demo, and not of two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from examples.demo import __main__ as demo
from examples.demo import once

_check_all = once.check_all


def _after_the_visit(scene: once.Scene, tell: Callable[[str], None]) -> int:
    demo._show(scene.here, scene.developers, scene.runs)
    tell("Ctrl-C ends everything.")
    sys.stdin.readline()
    return _check_all(scene, tell)


if __name__ == "__main__":
    once.check_all = _after_the_visit
    sys.exit(demo.main())

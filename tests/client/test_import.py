"""`import trackrecord` costs a training script nothing before it begins a run."""

from __future__ import annotations

import subprocess
import sys

import trackrecord

SOURCE = """
import re, sys
def peak(): return int(re.search("VmHWM:\\\\s+(\\\\d+)", open("/proc/self/status").read())[1])
before = peak()
import trackrecord
after = peak()
print((after - before) * 1024, *sorted(name for name in sys.modules if name.startswith("trackrecord")))
print(*[name for name in dir(trackrecord) if name in trackrecord.__all__])
print(callable(trackrecord.run), "trackrecord.recording" in sys.modules, callable(trackrecord.run))
"""


def test_nothing_is_loaded_before_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True, check=True)
    first, names, then = done.stdout.splitlines()
    size, *modules = first.split()
    assert modules == ["trackrecord", "trackrecord.version"]
    assert int(size) < 10_000_000
    assert names.split() == sorted(trackrecord.__all__)
    assert then == "True True True"


def test_every_public_name_is_there_and_no_other() -> None:
    for name in trackrecord.__all__:
        assert getattr(trackrecord, name)
    assert not hasattr(trackrecord, "log")

"""Trains on a disk that fills up in the middle and has room again before the end, or not.

Words: "disk" or "limit"; bytes that are left. The variable END says how it ends: "freed", "full", "killed", "well".
Prints how many points it handed to log(), and how many were accepted.
"""

import json
import os
import random
import resource
import signal
import sys
from pathlib import Path

import trackrecord
from trackrecord import endings, upload

how, left, end = sys.argv[1], int(sys.argv[2]), os.environ["END"]
home = Path(os.environ["TRACKRECORD_HOME"])
upload._EVERY_S, upload._LONGEST_WAIT_S = 0.02, 0.1
endings._FLUSH_S, endings._VERDICT_S = 5.0, 0.5
lots = random.Random(left)


def fill() -> None:
    if how == "limit":
        main = home / "runs" / run.id / f"{writer}.journal"
        resource.setrlimit(resource.RLIMIT_FSIZE, (main.stat().st_size + left, resource.RLIM_INFINITY))
        return
    with (home / "filler").open("wb") as filler:
        seen = os.statvfs(home)
        filler.write(bytes(max(0, seen.f_bavail * seen.f_frsize - left)))


def free() -> None:
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        (home / "filler").unlink()


def log(steps: range) -> None:
    global called, kept
    for step in steps:
        values = {"loss": 0.5}  # of one size and small: where one finds no room, nothing does, not even a note of it
        if end == "freed":
            values[f"m{lots.randrange(30)}/{'x' * lots.randrange(150)}"] = step / 7
        called += len(values)
        kept += len(values) * run.log(values, step=step)


called = kept = 0
run = trackrecord.run("milestone-1", params={"lr": 0.1})
restart = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
writer = f"a{restart + 1}" if restart else "main"
if end == "well":
    log(range(9_000, 9_050))
else:
    log(range(1_000, 1_050))
    fill()
    at = 1_050
    while kept == called or at < 1_150:  # until it is full, and on
        log(range(at, at + 50))
        at += 50
        assert at < 9_000
    if end == "freed":
        free()
        log(range(at, at + 100))
    if end == "killed":
        print(json.dumps({"run": run.id, "called": called, "kept": kept}), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
run.finish()
if how == "limit" and end != "freed":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps({"run": run.id, "called": called, "kept": kept}))

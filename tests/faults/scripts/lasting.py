"""Trains until the file that its word names is there."""

import json
import sys
import time
from pathlib import Path

import trackrecord
from trackrecord import upload

upload._EVERY_S = 0.2
run = trackrecord.run("milestone-1", params={"lr": 0.1})
print(run.id, flush=True)
step = 0
while not Path(sys.argv[1]).exists():
    run.log({"loss": step / 7}, step=step)
    step += 1
    time.sleep(0.02)
run.finish()
print(json.dumps({"run": run.id, "kept": step}))

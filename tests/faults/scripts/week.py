"""Trains for a week by its clock, in seconds. Words: how many steps; how many minutes the clock goes on at each."""

import json
import sys
import time

import time_machine

import trackrecord
from trackrecord import endings, upload

upload._EVERY_S, upload._LONGEST_WAIT_S = 0.02, 0.1
endings._FLUSH_S = 1.0
steps, minutes = int(sys.argv[1]), float(sys.argv[2])
with time_machine.travel(time.time() - steps * minutes * 60) as clock:
    run = trackrecord.run("milestone-1", params={"lr": 0.1})
    kept = 0
    for step in range(steps):
        kept += run.log({"loss": step / 7}, step=step)
        clock.shift(minutes * 60)
    run.finish()
print(json.dumps({"run": run.id, "kept": kept}))

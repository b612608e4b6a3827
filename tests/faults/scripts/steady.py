"""Trains: a little work, then log(). Prints what log() and finish() took, and how many records were accepted.

Words: how many steps, seconds of work of each.
"""

import json
import os
import sys
import time

import trackrecord
from trackrecord import endings, upload

# Only the waits are shorter; everything else is as it is.
upload._EVERY_S = float(os.environ.get("EVERY_S", "0.02"))
upload._LONGEST_WAIT_S = 5 * upload._EVERY_S
endings._FLUSH_S, endings._VERDICT_S = 3.0, 1.5

run = trackrecord.run("milestone-1", params={"lr": 0.1})
took, kept = [], 0
for step in range(int(sys.argv[1])):
    time.sleep(float(sys.argv[2]))
    begun = time.perf_counter()
    kept += run.log({"loss": step / 7}, step=step)
    took.append(time.perf_counter() - begun)
begun = time.perf_counter()
run.finish()
took.sort()
print(
    json.dumps(
        {
            "run": run.id,
            "kept": kept,
            "median_s": took[len(took) // 2],
            "p99_s": took[len(took) * 99 // 100],
            "worst_s": took[-1],
            "finish_s": time.perf_counter() - begun,
        }
    )
)

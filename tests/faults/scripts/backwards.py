"""Trains while the machine's clock is set back a day."""

import json
import time

import time_machine

import trackrecord
from trackrecord import upload

upload._EVERY_S = 0.02
with time_machine.travel(time.time()) as clock:
    run = trackrecord.run("milestone-1", params={"lr": 0.1})
    kept = 0
    for step in range(100):
        kept += run.log({"loss": step / 7}, step=step)
        if step == 50:
            time.sleep(0.1)
            clock.shift(-86_400)
        clock.shift(1)
    run.finish()
print(json.dumps({"run": run.id, "kept": kept}))

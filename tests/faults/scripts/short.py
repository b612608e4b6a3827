"""Logs 200 steps offline, and is killed ("killed") or ends well ("finished")."""

import json
import os
import signal
import sys

import trackrecord

run = trackrecord.run("milestone-1", params={"lr": 0.1})
for step in range(200):
    run.log({"loss": step / 7}, step=step)
print(json.dumps({"run": run.id}), flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()

"""Trains as a job that a scheduler preempts: at SIGTERM it keeps a checkpoint and goes on until it is killed.

Words: the checkpoint (the next step), a file of what log() accepted, a file that says how many steps there are in all,
at which restart it is in no hurry any more.
"""

import os
import signal
import sys
import time
from pathlib import Path

import trackrecord
from trackrecord import upload

upload._EVERY_S = 0.1
checkpoint, accepted, steps = Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND), Path(sys.argv[3])
step = int(checkpoint.read_text()) if checkpoint.exists() else 0
attempt = int(os.environ.get("SLURM_RESTART_COUNT", "0"))


def keep(_number: int, _frame: object) -> None:
    fresh = checkpoint.with_suffix(".new")
    fresh.write_text(str(step + 1))
    fresh.replace(checkpoint)


signal.signal(signal.SIGTERM, keep)
with trackrecord.run("milestone-1", params={"lr": 0.1}) as run:
    os.write(accepted, f"run {run.id}\n".encode())
    while step < int(steps.read_text()):
        if run.log({"loss": attempt + step / 1000}, step=step):
            os.write(accepted, f"{step} {attempt + step / 1000!r}\n".encode())
        time.sleep(0.002 if attempt < int(sys.argv[4]) else 0)
        step += 1

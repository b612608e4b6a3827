"""Forks in forks, and hundreds of forks while a thread logs: everybody logs, nobody hangs, nobody is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading

import trackrecord


def child(work: object) -> int:
    """Fork; the child does its work and leaves. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()  # type: ignore[operator]
    finally:
        os._exit(0)


def nested(run: trackrecord.Run, depth: int) -> None:
    for step in range(50):
        assert run.log({f"depth{depth}": float(step)}, step=step)
    if depth < 3:
        pids = [child(lambda: nested(run, depth + 1)) for _ in range(2)]
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
    run.finish()  # only the process that began the run ends it


def storm(run: trackrecord.Run, forks: int) -> int:
    """How many points the thread logged while this thread forked."""
    over, logged = threading.Event(), 0

    def busy() -> None:
        nonlocal logged
        while not over.is_set():
            assert run.log({"thread": float(logged)}, step=logged)
            logged += 1

    thread = threading.Thread(target=busy)
    thread.start()
    for at in range(forks):
        pid = child(lambda at=at: run.log({"forked": float(at)}, step=at))
        assert os.waitpid(pid, 0)[1] == 0
    over.set()
    thread.join()
    return logged


if __name__ == "__main__":
    with trackrecord.run("milestone-1") as run:
        nested_pids = [child(lambda: nested(run, 1))]
        for pid in nested_pids:
            assert os.waitpid(pid, 0)[1] == 0
        logged = storm(run, int(sys.argv[1]))
        left = None
        with contextlib.suppress(ChildProcessError):
            left = os.waitpid(-1, os.WNOHANG)
        print(json.dumps({"run": run.id, "name": run.name, "logged": logged, "left": left}), flush=True)

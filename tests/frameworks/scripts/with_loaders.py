"""Data loaders whose workers log, started in each of the three ways: the run travels by fork or by pickle."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import sys
from typing import Any

import torch

import trackrecord


class Rows(torch.utils.data.Dataset):
    def __init__(self, run: trackrecord.Run, way: str, count: int) -> None:
        self.run, self.way, self.count = run, way, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, at: int) -> Any:
        assert self.run.log({f"{self.way}/row": float(at)}, step=at)
        return torch.tensor(float(at))


if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(["torch"])
    count = int(sys.argv[1])
    with trackrecord.run("milestone-1") as run:
        sums = {}
        for way, workers in zip(("fork", "spawn", "forkserver"), map(int, sys.argv[2:]), strict=True):
            loader = torch.utils.data.DataLoader(
                Rows(run, way, count), batch_size=10, num_workers=workers, multiprocessing_context=way
            )
            total = 0.0
            for step, batch in enumerate(loader):
                total += float(batch.sum())
                run.log({f"{way}/total": total}, step=step)
            sums[way] = total
        print(json.dumps({"run": run.id, "name": run.name, "sums": sums}), flush=True)
    left = [each.name for each in multiprocessing.active_children()]
    zombie: Any = None
    with contextlib.suppress(ChildProcessError):  # the fork server lives until the script ends
        zombie = os.waitpid(-1, os.WNOHANG)
    print(json.dumps({"left": left, "zombie": zombie}), flush=True)

"""Four ranks by torchrun over gloo: rank 0 records, the others join its run when they ask for it."""

from __future__ import annotations

import json
from typing import Any

import torch
import torch.distributed as dist

import trackrecord

STEPS = 40

if __name__ == "__main__":
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    run = trackrecord.run("milestone-1", params={"ranks": dist.get_world_size()})
    assert run.is_open is (rank == 0)
    told: list[Any] = [run.id]
    dist.broadcast_object_list(told)
    mine = run if rank == 0 else trackrecord.join(told[0])
    torch.manual_seed(rank)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(STEPS):
        loss = model(torch.randn(16, 8)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"loss": float(loss)}, step=step)  # nothing where this rank does not record
        assert mine.log({f"rank{rank}/loss": float(loss)}, step=step)
    mine.finish() if rank else None  # a rank that joined cannot end the run
    dist.barrier()
    if rank == 0:
        run.finish()
        print(json.dumps({"run": run.id, "name": run.name}), flush=True)
    dist.destroy_process_group()

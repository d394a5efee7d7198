"""What runs in several processes at once, outside of pytest: each writes what it found to a file."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from pretraining.objectives import build_objective
from pretraining.objectives.contrastive import contrastive_loss
from pretraining.recipe import parsed

START = "forkserver"
Job = dict[str, Any]


def found(jobs: list[Job], folder: Path, *, processes: int) -> list[list[Any]]:
    """Results of each process for each job, of those processes that take part in it.

    Args:
        jobs: `kind` and `processes`, how many take part, and what the kind needs.
        folder: for the files between the processes.
    """
    torch.save(jobs, folder / "jobs.pt")
    get_context(START).set_forkserver_preload(["torch", "timm", __name__])  # imported once for all of them
    mp.start_processes(_work, (folder,), nprocs=processes, start_method=START)
    results = [torch.load(folder / f"found{rank}.pt") for rank in range(processes)]
    return [[results[rank][index] for rank in range(job["processes"])] for index, job in enumerate(jobs)]


def _work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    jobs = torch.load(folder / "jobs.pt")
    results: dict[int, Any] = {}
    for count in sorted({job["processes"] for job in jobs}):
        if rank < count:
            store = f"file://{folder}/store{count}"
            dist.init_process_group("gloo", init_method=store, rank=rank, world_size=count)
            here = [(index, job) for index, job in enumerate(jobs) if job["processes"] == count]
            results |= {index: KINDS[job["kind"]](job, rank) for index, job in here}
            dist.destroy_process_group()
    torch.save(results, folder / f"found{rank}.pt")


def contrast(job: Job, rank: int) -> dict[str, Tensor]:
    """The contrastive loss of this process's queries and its gradient."""
    queries = job["q"][rank].clone().requires_grad_()
    loss = contrastive_loss(queries, job["k"][rank], temperature=job["temperature"])
    loss.backward()
    return {"loss": loss.detach(), "gradient": queries.grad}


def first_step(job: Job, rank: int) -> dict[str, dict[str, Tensor]]:
    """Losses, averaged gradients and state after the first step on this process's part of the batch."""
    share = {name: value.chunk(job["processes"])[rank] for name, value in job["batch"].items()}
    torch.manual_seed(0)
    objective = build_objective(parsed(job["recipe"]), classes=3).to(job["dtype"])
    parallel = DistributedDataParallel(objective)
    parts = parallel(share)
    parts["loss"].backward()
    return {
        "parts": {name: value.detach() for name, value in parts.items()},
        "gradients": {name: p.grad for name, p in objective.named_parameters() if p.grad is not None},
        "state": objective.state_dict(),
    }


KINDS = {"contrast": contrast, "first_step": first_step}

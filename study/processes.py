"""One process among those that torchrun started, on one machine or many; or the only one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from .device import device_of

PATIENCE = timedelta(days=7)
"""How long a process waits for others whose share of the work takes longer; torchrun ends all when one fails."""


@dataclasses.dataclass(frozen=True)
class Process:
    """Where this process stands.

    Attributes:
        rank: its number among all, from 0.
        world: how many there are.
        device: where its model runs.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0


@contextlib.contextmanager
def process(device: str = "auto") -> Iterator[Process]:
    """This process; under torchrun the group of all is formed (nccl on GPUs, gloo on CPUs) and dissolved at the end.

    Args:
        device: auto, cpu, cuda or cuda:N; under torchrun each process of a machine takes a GPU of its own.
    Raises:
        ValueError: there is no such device.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or "RANK" not in os.environ:
        yield Process(0, 1, device_of(device))
        return
    place = _device_of_rank(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Process(dist.get_rank(), dist.get_world_size(), place)
    finally:
        dist.destroy_process_group()


def agreed(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process; all have to ask."""
    if process_count() == 1:
        return flag
    raised = torch.tensor(float(flag), device=device)
    dist.all_reduce(raised, dist.ReduceOp.MAX)
    return bool(raised.item())


def mean_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Element by element the mean over all processes, without gradient from the others; all have to ask."""
    if process_count() == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / process_count()


def everybody_waits() -> None:
    """Return when all processes have come here."""
    if process_count() > 1:
        dist.barrier()


def gathered(values: list[Any]) -> list[Any]:
    """What all processes have, in the order of their ranks, in every one of them; all have to ask."""
    if process_count() == 1:
        return values
    parts: list[Any] = [None] * process_count()
    dist.all_gather_object(parts, values)
    return [value for part in parts for value in part]


def told(value: Any) -> Any:
    """What the first process says, in every one of them; all have to ask."""
    if process_count() == 1:
        return value
    said = [value]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def process_number() -> int:
    """Number of this process among those that work together, from 0."""
    return dist.get_rank() if process_count() > 1 else 0


def process_count() -> int:
    """Number of processes that work together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _device_of_rank(name: str) -> torch.device:
    chosen = device_of(name)
    if chosen.type == "cuda" and chosen.index is None:
        return device_of(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    return chosen

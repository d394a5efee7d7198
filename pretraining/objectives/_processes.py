"""Sums and collections over the processes of a training; with one process they cost nothing."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from study.processes import process_count


def process_rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if process_count() > 1 else 0


def gathered(values: Float[Tensor, "batch channel"]) -> Float[Tensor, "total channel"]:
    """Rows of all processes in their order, without gradient; every process has equally many."""
    if process_count() == 1:
        return values.detach()
    parts = [torch.empty_like(values) for _ in range(process_count())]
    dist.all_gather(parts, values.detach().contiguous())
    return torch.cat(parts)


def summed(values: Tensor) -> Tensor:
    """Sum over the processes, through which gradients flow."""
    return values if process_count() == 1 else _Sum.apply(values)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

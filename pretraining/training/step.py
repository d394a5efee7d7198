"""One step of the optimiser: forward and backward over its parts of the batch, then the update."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from .precision import autocast

Batch = Mapping[str, Tensor]
Parts = dict[str, Tensor]


def optimiser_step(
    objective: nn.Module,
    optimiser: Optimizer,
    scaler: torch.amp.GradScaler,
    micro_batches: Sequence[Batch],
    *,
    precision: str,
    clip: float,
    seeds: Sequence[int],
) -> Parts:
    """Accumulate the gradients of the micro-batches and update once; the losses' means, detached, without waiting.

    Args:
        objective: the Objective, or DistributedDataParallel around it.
        micro_batches: of equal size, on the device.
        clip: largest gradient norm; 0 for any.
        seeds: of drop path and whatever else is random in a forward pass, one for each micro-batch.
    """
    optimiser.zero_grad(set_to_none=True)
    totals: Parts = {}
    for index, (batch, seed) in enumerate(zip(micro_batches, seeds, strict=True)):
        torch.manual_seed(seed)
        last = index == len(micro_batches) - 1
        with _synchronised(objective, last):
            with autocast(next(iter(batch.values())).device, precision):
                parts = objective(batch)
            scaler.scale(parts["loss"] / len(micro_batches)).backward()
        for name, value in parts.items():
            totals[name] = totals.get(name, 0) + value.detach() / len(micro_batches)
    scaler.unscale_(optimiser)
    totals["grad_norm"] = _clipped(optimiser, clip)
    scaler.step(optimiser)
    scaler.update()
    return totals


def forward_seed(seed: int, images_seen: int, rank: int, part: int) -> int:
    """Seed of a forward pass: a function of the training's seed, position, process and part of the batch."""
    digest = hashlib.blake2b(f"{seed} {images_seen} {rank} {part}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def _synchronised(objective: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
    """Gradients cross the processes in the last backward pass only."""
    if isinstance(objective, DistributedDataParallel) and not last:
        return objective.no_sync()
    return contextlib.nullcontext()


def _clipped(optimiser: Optimizer, clip: float) -> Tensor:
    """Norm of all gradients together, before clipping."""
    trained = [p for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    return nn.utils.clip_grad_norm_(trained, clip or math.inf)

"""Learning rate and momentum as functions of how far a training is, without any state."""

from __future__ import annotations

import math
from bisect import bisect_right

import torch
from timm.scheduler import CosineLRScheduler
from yacs.config import CfgNode


def learning_rate(recipe: CfgNode, *, step: int, steps_per_epoch: int) -> float:
    """Learning rate of an optimiser step, before a group's `lr_scale`.

    SCHEDULE.NAME "cosine" is `cosine_lr` at epoch step / steps_per_epoch; its WARMUP_LR and MIN_LR are absolute.
    "multistep" and "timm_cosine" are SimMIM's: WARMUP_LR and MIN_LR scale with the batch as OPTIM.LR does, and the
    scheduler runs after the optimiser, so that step i has the rate of i - 1.

    Args:
        step: number of steps of the optimiser before this one.
        steps_per_epoch: steps of the optimiser in an epoch.
    Source: official code of MoCo-v3, MAE and SimMIM.
    """
    schedule, peak = recipe.SCHEDULE, peak_learning_rate(recipe)
    if schedule.NAME == "cosine":
        return cosine_lr(
            step / steps_per_epoch,
            lr=peak,
            epochs=schedule.EPOCHS,
            warmup=schedule.WARMUP_EPOCHS,
            warmup_lr=schedule.WARMUP_LR,
            min_lr=schedule.MIN_LR,
        )
    warmup, before = schedule.WARMUP_EPOCHS * steps_per_epoch, max(step - 1, 0)
    scale = _batch_scale(recipe)
    if before < warmup:
        return _line(schedule.WARMUP_LR * scale, peak, before / warmup)
    if schedule.NAME == "multistep":
        milestones = [epoch * steps_per_epoch for epoch in schedule.MILESTONES]
        return peak * schedule.GAMMA ** bisect_right(milestones, before)
    return timm_cosine_lr(before, lr=peak, steps=schedule.EPOCHS * steps_per_epoch, min_lr=schedule.MIN_LR * scale)


def peak_learning_rate(recipe: CfgNode) -> float:
    """OPTIM.LR scaled linearly from OPTIM.REFERENCE_BATCH to TRAIN.BATCH images a step."""
    return recipe.OPTIM.LR * _batch_scale(recipe)


def cosine_lr(
    epoch: float, *, lr: float, epochs: float, warmup: float = 0.0, warmup_lr: float = 0.0, min_lr: float = 0.0
) -> float:
    """Learning rate at a fractional epoch: a line up to `lr` at the end of the warm-up, then half a cosine down.

        min_lr + (lr - min_lr) / 2 * (1 + cos(pi * (epoch - warmup) / (epochs - warmup)))

    >>> [cosine_lr(epoch, lr=2.0, epochs=9, warmup=1) for epoch in (0, 0.5, 1, 5, 9)]
    [0.0, 1.0, 2.0, 1.0, 0.0]
    """
    if epoch < warmup:
        return _line(warmup_lr, lr, epoch / warmup)
    share = (epoch - warmup) / (epochs - warmup) if epochs > warmup else 1.0
    return min_lr + (lr - min_lr) / 2 * (1 + math.cos(math.pi * share))


def timm_cosine_lr(step: int, *, lr: float, steps: int, min_lr: float = 0.0) -> float:
    """Learning rate of timm's cosine, which counts the warm-up in: it is below `lr` when the warm-up ends."""
    carrier = torch.optim.SGD([torch.zeros(1)], lr=lr)
    CosineLRScheduler(carrier, t_initial=steps, lr_min=min_lr, t_in_epochs=False).step_update(step)
    return carrier.param_groups[0]["lr"]


def moco_momentum(progress: float, *, start: float, cosine: bool = True) -> float:
    """Momentum of MoCo's target network: from `start` to 1 over the training, without warm-up; else constant.

        1 - (1 - start) / 2 * (1 + cos(pi * progress))

    Args:
        progress: share of all epochs that is over, 0 to 1.
    >>> moco_momentum(0.0, start=0.5), moco_momentum(0.5, start=0.5), moco_momentum(1.0, start=0.5)
    (0.5, 0.75, 1.0)
    """
    return 1 - (1 - start) / 2 * (1 + math.cos(math.pi * progress)) if cosine else start


def _batch_scale(recipe: CfgNode) -> float:
    return recipe.TRAIN.BATCH / recipe.OPTIM.REFERENCE_BATCH


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share

"""The momentum encoder: a copy that follows the trained one as a moving average."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from ..optimisation import moco_momentum

Module = TypeVar("Module", bound=nn.Module)


def frozen_copy(module: Module) -> Module:
    """A copy that receives no gradient."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def follow(average: nn.Module, trained: nn.Module, momentum: float) -> None:
    """average <- momentum * average + (1 - momentum) * trained, over all parameters of the average, not its buffers."""
    source = dict(trained.named_parameters())
    pairs = [(value, source[name].detach()) for name, value in average.named_parameters()]
    values = [value for value, _ in pairs]
    torch._foreach_mul_(values, momentum)
    torch._foreach_add_(values, [value for _, value in pairs], alpha=1 - momentum)


class Momentum:
    """Coefficient of the moving average, and whether the average still has to follow in this step.

    Accumulating gradients takes several forward passes for one step of the optimiser: the average follows in the
    first of them only.

    Args:
        start: coefficient at the start.
        cosine: raise it to 1 along half a cosine.
    """

    def __init__(self, start: float, *, cosine: bool) -> None:
        self.start = start
        self.cosine = cosine
        self.value = start
        self._due = True

    def advance(self, progress: float) -> None:
        """Set the coefficient of the coming step; `progress` runs from 0 to 1 over the training."""
        self.value = moco_momentum(progress, start=self.start, cosine=self.cosine)
        self._due = True

    def step(self, *pairs: tuple[nn.Module, nn.Module]) -> None:
        """Let averages follow the trained modules, given as (average, trained), once per step of the optimiser."""
        if self._due:
            for average, trained in pairs:
                follow(average, trained, self.value)
        self._due = False

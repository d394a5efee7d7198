"""LARS as MoCo-v3 (for ResNets) and MAE (for linear probing) use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class LARS(Optimizer):
    """Momentum with a step in proportion to each weight's norm.

        update = grad + weight_decay * p;  update *= trust * |p| / |update|    where p has two dimensions or more
        mu = momentum * mu + update;  p = p - lr * mu

    Parameters of one dimension and scalars neither decay nor are scaled; nothing is scaled where a norm is 0. The
    learning rate stands outside the momentum, so a changed one acts at once.

    Args:
        params: parameters, or groups with options of their own.
        lr: learning rate.
        weight_decay: of parameters with two dimensions or more.
        momentum: 0 for none.
        trust: step length relative to the norm of the weight, for lr 1.
    Source: You et al. 2017 (arXiv:1708.03888), in the form of MoCo-v3 and MAE; timm's Lars is another one.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        trust: float = 0.001,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Change all parameters that have a gradient; returns what the closure returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._change(parameter, group)
        return loss

    def _change(self, parameter: Tensor, group: dict[str, Any]) -> None:
        update = parameter.grad
        if parameter.ndim > 1:
            update = _scaled(update + group["weight_decay"] * parameter, parameter, group["trust"])
        state = self.state[parameter]
        if "mu" not in state:
            state["mu"] = torch.zeros_like(parameter)
        state["mu"].mul_(group["momentum"]).add_(update)
        parameter.sub_(group["lr"] * state["mu"])


def _scaled(update: Tensor, parameter: Tensor, trust: float) -> Tensor:
    """The update with trust times the norm of the parameter; as it is where one of the norms is 0."""
    size, length = parameter.norm(), update.norm()
    known = (size > 0) & (length > 0)
    return update * torch.where(known, trust * size / length, 1.0)

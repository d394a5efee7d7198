"""The optimiser that a recipe asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import nn
from torch.optim import Optimizer
from yacs.config import CfgNode

from .lars import LARS
from .parameter_groups import layer_of, layer_scales, parameter_groups
from .schedules import peak_learning_rate


class Trained(Protocol):
    """What is optimised: a module with an encoder, whose depth layer-wise learning rates go by."""

    encoder: nn.Module

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...


def build_optimiser(objective: Trained, recipe: CfgNode) -> Optimizer:
    """AdamW or LARS over the parameters that are trained, at the peak learning rate until `set_learning_rate`.

    Weight decay follows OPTIM.DECAY; groups have an `lr_scale` where OPTIM.LAYER_DECAY is below 1.

    Raises:
        ValueError: no parameter is trained.
    """
    optim = recipe.OPTIM
    groups = parameter_groups(
        objective.named_parameters(),
        weight_decay=optim.WEIGHT_DECAY,
        rule=optim.DECAY,
        scales=_scales(objective, optim.LAYER_DECAY) if optim.LAYER_DECAY < 1 else None,
    )
    if not groups:
        raise ValueError("no parameter of the objective is trained: requires_grad is False for all of them")
    lr = peak_learning_rate(recipe)
    if optim.NAME == "lars":
        return LARS(groups, lr=lr, momentum=optim.MOMENTUM, trust=optim.TRUST)
    return torch.optim.AdamW(groups, lr=lr, betas=tuple(optim.BETAS), eps=optim.EPS)


def set_learning_rate(optimiser: Optimizer, lr: float) -> None:
    """Put a learning rate in force: in groups with an `lr_scale` times that."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)


def _scales(objective: Trained, decay: float) -> dict[int, float]:
    """Scale of each of the encoder's parameters, by identity: their names in the objective are the method's."""
    inside = dict(objective.encoder.named_parameters())
    depth = len({name.split(".")[1] for name in inside if name.startswith("blocks.")})
    scales = layer_scales(depth, decay)
    return {id(parameter): scales[layer_of(name, depth)] for name, parameter in inside.items()}

"""Which parameters decay, and how fast each layer learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

INPUTS = ("cls_token", "reg_token", "pos_embed", "mask_token", "patch_embed", "norm_pre")
"""Of layer 0: what comes before the first block."""


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]],
    *,
    weight_decay: float,
    rule: str,
    scales: Mapping[int, float] | None = None,
) -> list[dict[str, Any]]:
    """The trained parameters in groups of one weight decay and one `lr_scale`, in order of first appearance.

    Args:
        named: parameters with their full names; those without gradient are left out.
        weight_decay: of those that decay.
        rule: all, matrices or weights, see `decays`.
        scales: from a parameter's id to its `lr_scale`, 1 for those that are not in it; None: groups have none.
    Returns:
        Groups for a torch optimiser; "names" holds the parameters' names.
    """
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in named:
        if not parameter.requires_grad:
            continue
        decay = weight_decay if decays(name, parameter, rule) else 0.0
        scale = scales.get(id(parameter), 1.0) if scales else 1.0
        group = groups.setdefault((scale, decay), {"params": [], "names": [], "weight_decay": decay})
        group["params"].append(parameter)
        group["names"].append(name)
        if scales:
            group["lr_scale"] = scale
    return list(groups.values())


def decays(name: str, parameter: nn.Parameter, rule: str) -> bool:
    """Whether weight decay acts on a parameter.

    Args:
        rule: "all": on every one (MoCo-v3's pre-training); "matrices": not on those of one dimension and biases (MAE's
            pre-training); "weights": nor on class token and positions (SimMIM's, and fine-tuning of both). Mask token
            and tables of relative positions decay in all three.
    Source: the official code of each; see `layer_of` for learning rates.
    """
    if rule == "all":
        return True
    if parameter.ndim <= 1 or name.endswith(".bias"):
        return False
    return rule == "matrices" or name.split(".")[-1] not in ("cls_token", "pos_embed")


def layer_of(name: str, depth: int) -> int:
    """Layer of an encoder's parameter: 0 before the blocks, i + 1 in block i, depth + 1 after and beside them.

    >>> [layer_of(name, 12) for name in ("patch_embed.proj.weight", "blocks.0.norm1.bias", "norm.weight")]
    [0, 1, 13]
    """
    first, _, rest = name.partition(".")
    if first in INPUTS:
        return 0
    return int(rest.split(".")[0]) + 1 if first == "blocks" else depth + 1


def layer_scales(depth: int, decay: float) -> list[float]:
    """Factor of each layer's learning rate: decay ** (depth + 1 - layer), for layers 0 to depth + 1.

    >>> layer_scales(1, 0.5)
    [0.25, 0.5, 1.0]
    """
    return [decay ** (depth + 1 - layer) for layer in range(depth + 2)]

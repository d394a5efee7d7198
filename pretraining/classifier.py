"""An encoder made ready to be fine-tuned, in place: pooling, last norm, classifier, drop path, tables of positions."""

from __future__ import annotations

import copy
from typing import Any

import torch
from timm.layers import DropPath
from timm.models.beit import Beit
from torch import Tensor, nn

POOLINGS = {"class_token": "token", "patches": "avg"}
"""From a recipe's word to timm's `global_pool`."""


def add_classifier(encoder: Any, classes: int, *, pooling: str, std: float) -> None:
    """Give an encoder a new linear classifier on its class token or on the mean of its patch tokens.

    Where the pooling is not that of the weights, the last norm goes where timm has it - before the pooling of the class
    token, behind that of patches - and starts anew (weight 1, bias 0), as in the official code of MAE and SimMIM.

    Args:
        encoder: VisionTransformer, Beit or Eva of timm.
        classes: number of outputs.
        pooling: class_token or patches.
        std: of the classifier's weights, which are normal; biases are 0.
    Raises:
        ValueError: there is no class token to take.
    """
    kind = POOLINGS[pooling]
    if kind == "token" and encoder.cls_token is None:
        raise ValueError("FINETUNE.POOLING is 'class_token', but these weights have none; take 'patches'")
    if encoder.global_pool != kind:
        _move_norm(encoder, *(("norm", "fc_norm") if kind == "avg" else ("fc_norm", "norm")))
    encoder.reset_classifier(classes, kind)
    nn.init.trunc_normal_(encoder.head.weight, std=std)
    nn.init.zeros_(encoder.head.bias)


def _move_norm(encoder: Any, source: str, target: str) -> None:
    """A new norm of the same kind at another place; nothing, where there is one already."""
    if not isinstance(getattr(encoder, target), nn.Identity):
        return
    norm = copy.deepcopy(getattr(encoder, source))
    for name, values in norm.named_parameters():
        (nn.init.zeros_ if name.endswith("bias") else nn.init.ones_)(values)
    setattr(encoder, target, norm)
    setattr(encoder, source, nn.Identity())


def set_drop_path(encoder: Any, rate: float) -> None:
    """Let each block be skipped at random, with a probability that grows linearly from 0 in the first to `rate`.

    Raises:
        ValueError: the blocks have no place for it.
    Source: Huang et al. 2016 (arXiv:1603.09382), in timm's form.
    """
    blocks = list(encoder.blocks)
    for block, probability in zip(blocks, torch.linspace(0, rate, len(blocks)).tolist(), strict=True):
        for name in ("drop_path1", "drop_path2"):
            if not isinstance(getattr(block, name, None), nn.Module):
                raise ValueError(
                    f"ENCODER.DROP_PATH is {rate}, but a {type(block).__name__} cannot be skipped; set it to 0"
                )
            setattr(block, name, DropPath(probability) if probability > 0 else nn.Identity())


def bias_per_block(encoder: Any) -> None:
    """Replace the table of relative positions that all blocks share by a copy in each, as SimMIM's fine-tuning does.

    Raises:
        ValueError: there is no shared table.
    """
    shared = encoder.rel_pos_bias if isinstance(encoder, Beit) else None
    if shared is None:
        raise ValueError(
            "FINETUNE.RELATIVE_BIAS is 'block', but these weights have no table of relative positions that all blocks "
            "share; take 'kept'"
        )
    table: Any = shared.relative_position_bias_table
    index: Any = shared.relative_position_index
    for block in encoder.blocks:
        _add_table(block.attn, shared.window_size, table.detach().clone(), index)
    encoder.rel_pos_bias = None


def _add_table(attention: Any, grid: tuple[int, int], table: Tensor, index: Tensor) -> None:
    """What timm's attention of BEiT holds where it is built with a table of its own."""
    attention.window_size = grid
    attention.num_relative_distance = len(table)
    attention.relative_position_bias_table = nn.Parameter(table)
    del attention.relative_position_index  # a plain None, where a buffer goes
    attention.register_buffer("relative_position_index", index.clone(), persistent=False)

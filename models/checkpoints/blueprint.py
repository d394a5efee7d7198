"""From the shapes of a state dict to the timm class and the arguments that hold it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from timm.layers import HybridEmbed  # pyright: ignore[reportPrivateImportUsage]
from timm.models.beit import Beit
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import ConvStem
from torch import nn

from .positions import RELATIVE_PREFIX_ROWS

State = Mapping[str, torch.Tensor]

CONV_STEM_STRIDE = 16
DEFAULT_LAYER_SCALE = 0.1  # any true value makes timm create the parameter; the file's values replace it


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What the shapes of a ViT's weights tell.

    Attributes:
        dim: width of the residual stream.
        depth: number of blocks.
        patch_size: (height, width) of a patch in pixels.
        grid: (rows, columns) of the patch grid; None without a position table or where it is not square.
        class_tokens, registers: tokens in front of the patches.
        position_prefix: rows of the absolute position table that belong to tokens in front.
        mlp_ratio: hidden width of the MLP over dim.
        classes: outputs of the classifier, 0 without one.
        heads: from a bias table or a query norm, None where the shapes do not tell.
        patches: number of patch tokens, None without a position table.
    """

    dim: int
    depth: int
    patch_size: tuple[int, int]
    grid: tuple[int, int] | None
    class_tokens: int
    registers: int
    position_prefix: int
    mlp_ratio: float
    classes: int
    heads: int | None
    patches: int | None


def sizes(state: State, img_size: tuple[int, int] | None = None, *, file: str) -> Sizes:
    """The sizes of a ViT from its weights under timm's names.

    Args:
        state: the weights.
        file: what to call the weights in an error.
        img_size: (height, width) that the caller asks for; it tells the grid where that is not square.
    Raises:
        ValueError: a weight that tells a size is missing or has another number of axes.
    """
    try:
        return _sizes(state, img_size)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def shape(state: State, name: str, axes: int) -> tuple[int, ...]:
    """The shape of a weight that has to be there.

    Raises:
        ValueError: it is missing or has another number of axes.
    """
    if name not in state:
        raise ValueError(
            f"no {name!r} among the weights, so the sizes of the model cannot be told; the file is damaged"
        )
    found = tuple(state[name].shape)
    if len(found) != axes:
        raise ValueError(f"{name!r} has shape {found}, expected {axes} axes; the file is damaged or of another kind")
    return found


def _sizes(state: State, img_size: tuple[int, int] | None) -> Sizes:
    stem = "patch_embed.backbone.0.conv.weight" in state
    dim = shape(state, "blocks.0.norm1.weight", 1)[0]
    patch = shape(state, "patch_embed.proj.weight", 4)[2:] if not stem else (CONV_STEM_STRIDE, CONV_STEM_STRIDE)
    class_tokens = int("cls_token" in state) + int("dist_token" in state)
    registers = shape(state, "reg_token", 3)[1] if "reg_token" in state else 0
    asked = None if img_size is None else (img_size[0] // patch[0], img_size[1] // patch[1])
    patches, position_prefix = _patches(state, class_tokens + registers, asked)
    return Sizes(
        dim=dim,
        depth=1 + max(int(name.split(".")[1]) for name in state if re.match(r"blocks\.\d+\.", name)),
        patch_size=(patch[0], patch[1]),
        grid=_grid(patches, asked),
        class_tokens=class_tokens,
        registers=registers,
        position_prefix=position_prefix,
        mlp_ratio=shape(state, "blocks.0.mlp.fc1.weight", 2)[0] / dim,
        classes=shape(state, "head.weight", 2)[0] if "head.weight" in state else 0,
        heads=_heads(state, dim),
        patches=patches,
    )


def bias_table(state: State) -> str | None:
    """Name of the first relative bias table, None without one."""
    return next((name for name in state if name.endswith("relative_position_bias_table")), None)


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _grid(patches: int | None, asked: tuple[int, int] | None) -> tuple[int, int] | None:
    """The file's own grid: square where the number of patches is, else the asked one where it fits."""
    if patches is None:
        return None
    if _is_square(patches):
        return math.isqrt(patches), math.isqrt(patches)
    return asked if asked is not None and asked[0] * asked[1] == patches else None


def _patches(state: State, prefix: int, asked: tuple[int, int] | None) -> tuple[int | None, int]:
    """(number of patches, prefix rows of the absolute table) from whichever position table there is."""
    if "pos_embed" in state:
        rows = shape(state, "pos_embed", 3)[1]
        fits = asked is not None and asked[0] * asked[1] == rows - prefix
        if not fits and not _is_square(rows - prefix) and _is_square(rows):
            return rows, 0  # timm's no_embed_class: positions for patches only
        return rows - prefix, prefix
    table = bias_table(state)
    if table is None:
        return None, 0
    side = (math.isqrt(shape(state, table, 2)[0] - RELATIVE_PREFIX_ROWS) + 1) // 2
    return side * side, 0


def _heads(state: State, dim: int) -> int | None:
    table = bias_table(state)
    if table is not None:
        return shape(state, table, 2)[1]
    if "blocks.0.attn.q_norm.weight" in state:
        return dim // shape(state, "blocks.0.attn.q_norm.weight", 1)[0]
    return None


def built(state: State, size: Sizes, *, heads: int, img_size: tuple[int, int]) -> nn.Module:
    """An untrained timm model with exactly the parameters that these weights fill.

    Args:
        state: the weights under timm's names.
        size: their sizes.
        heads: number of attention heads.
        img_size: (height, width) of the images in pixels.
    """
    common: dict[str, Any] = {
        "img_size": img_size,
        "patch_size": size.patch_size if size.patch_size[0] != size.patch_size[1] else size.patch_size[0],
        "embed_dim": size.dim,
        "depth": size.depth,
        "num_heads": heads,
        "mlp_ratio": size.mlp_ratio,
        "num_classes": size.classes,
    }
    if "blocks.0.attn.q_bias" in state or bias_table(state) is not None:
        return Beit(**common, **_beit_options(state))
    return VisionTransformer(**{**common, **_vit_options(state, size)})


def _beit_options(state: State) -> dict[str, Any]:
    return {
        "qkv_bias": "blocks.0.attn.q_bias" in state,
        "init_values": DEFAULT_LAYER_SCALE if "blocks.0.gamma_1" in state else None,
        "use_abs_pos_emb": "pos_embed" in state,
        "use_rel_pos_bias": "blocks.0.attn.relative_position_bias_table" in state,
        "use_shared_rel_pos_bias": "rel_pos_bias.relative_position_bias_table" in state,
        "global_pool": "avg" if "fc_norm.weight" in state else "token",
    }


def _vit_options(state: State, size: Sizes) -> dict[str, Any]:
    options: dict[str, Any] = {
        "qkv_bias": "blocks.0.attn.qkv.bias" in state,
        "qk_norm": "blocks.0.attn.q_norm.weight" in state,
        "init_values": DEFAULT_LAYER_SCALE if "blocks.0.ls1.gamma" in state else None,
        "class_token": size.class_tokens > 0,
        "reg_tokens": size.registers,
        "no_embed_class": size.position_prefix == 0,
        "pos_embed": "learn" if "pos_embed" in state else "none",
        "pre_norm": "norm_pre.weight" in state,
        "fc_norm": "fc_norm.weight" in state,
        "global_pool": "avg" if "fc_norm.weight" in state or size.class_tokens == 0 else "token",
    }
    if "patch_embed.backbone.0.conv.weight" in state:
        options |= {
            "patch_size": 1,
            "embed_layer": partial(HybridEmbed, backbone=_conv_stem(size.dim), proj=False),
        }
    return options


def _conv_stem(dim: int) -> ConvStem:
    """MoCo-v3's stem: four 3x3 convolutions of stride 2 with BatchNorm and ReLU, then a 1x1 convolution."""
    return ConvStem(
        depth=5,
        channels=(dim // 8, dim // 4, dim // 2, dim, dim),
        kernel_size=(3, 3, 3, 3, 1),
        stride=(2, 2, 2, 2, 1),
    )

"""The encoder that is trained: a timm ViT as the recipe describes it."""

from __future__ import annotations

from typing import Any

import timm
from timm.models.beit import Beit
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from yacs.config import CfgNode

from models.sine_cosine import sine_cosine_table

from ._recipe_checks import require_choice

Encoder = VisionTransformer | Beit
_SIZES = {"EMBED_DIM": "embed_dim", "DEPTH": "depth", "NUM_HEADS": "num_heads"}


def build_encoder(node: CfgNode) -> Encoder:
    """A timm ViT without classifier, with timm's initialisation; weights come from torch's global generator.

    Args:
        node: `recipe.ENCODER`; sizes that are 0 are the architecture's own.
    Raises:
        ValueError: the architecture is unknown, no ViT, or the sizes do not fit together.
    """
    _refuse_misfits(node)
    arguments: dict[str, Any] = {
        "num_classes": 0,
        "global_pool": "token",
        "img_size": node.IMG_SIZE,
        "patch_size": node.PATCH_SIZE,
        "drop_path_rate": node.DROP_PATH,
        **{name: node[key] for key, name in _SIZES.items() if node[key]},
        **dict(node.OPTIONS),
    }
    encoder = _with_class_token(_created(node.ARCH, arguments))
    if node.POSITIONS == "sincos":
        fix_positions(encoder)
    return encoder


def _refuse_misfits(node: CfgNode) -> None:
    if node.IMG_SIZE % node.PATCH_SIZE:
        raise ValueError(
            f"ENCODER.IMG_SIZE={node.IMG_SIZE} is not divisible by ENCODER.PATCH_SIZE={node.PATCH_SIZE}; "
            "choose an image of whole patches"
        )
    if node.EMBED_DIM and node.NUM_HEADS and node.EMBED_DIM % node.NUM_HEADS:
        raise ValueError(
            f"ENCODER.EMBED_DIM={node.EMBED_DIM} is not divisible by ENCODER.NUM_HEADS={node.NUM_HEADS}; "
            "every head has the same width"
        )
    require_choice("ENCODER.POSITIONS", node.POSITIONS)


def _created(architecture: str, arguments: dict[str, Any]) -> Encoder:
    if not timm.is_model(architecture):
        raise ValueError(f"ENCODER.ARCH={architecture!r} is no architecture of timm; see timm.list_models('vit_*')")
    try:
        encoder = timm.create_model(architecture, pretrained=False, **arguments)
    except (TypeError, AssertionError) as error:
        raise ValueError(
            f"ENCODER.ARCH={architecture!r} cannot be built ({error}); expected a ViT or BEiT of timm and arguments "
            "that it takes in ENCODER.OPTIONS"
        ) from error
    if not isinstance(encoder, Encoder):
        raise ValueError(f"ENCODER.ARCH={architecture!r} is a {type(encoder).__name__}; expected a ViT or BEiT of timm")
    return encoder


def _with_class_token(encoder: Encoder) -> Encoder:
    """The encoder itself; other poolings would move the last norm behind the features that are trained."""
    if encoder.cls_token is None or encoder.global_pool != "token":
        raise ValueError(
            "ENCODER.OPTIONS take the class token away (class_token=False or a global_pool other than 'token'); "
            "every method here trains an encoder with a class token and a norm after its blocks"
        )
    return encoder


def fix_positions(encoder: Encoder) -> None:
    """Put the sine-cosine table in place of the learned positions and keep it from being trained.

    Raises:
        ValueError: the encoder has no table of absolute positions, or its width is not divisible by 4.
    """
    if encoder.pos_embed is None:
        raise ValueError(
            "ENCODER.POSITIONS='sincos', but the encoder has no table of absolute positions; "
            "take POSITIONS='learned' or another architecture"
        )
    grid = encoder.patch_embed.grid_size
    prefix = encoder.pos_embed.shape[1] - grid[0] * grid[1]
    fixed = sine_cosine_table(grid, encoder.embed_dim, prefix)
    encoder.pos_embed = nn.Parameter(fixed, requires_grad=False)

"""Recipes of the tests' own, which do not change when the shipped ones do."""

from typing import Any

import yaml
from yacs.config import CfgNode

from pretraining.recipe import parsed

SMALL = (
    *("ENCODER.ARCH", "vit_tiny_patch16_224", "ENCODER.IMG_SIZE", 16, "ENCODER.PATCH_SIZE", 4),
    *("ENCODER.EMBED_DIM", 32, "ENCODER.DEPTH", 2, "ENCODER.NUM_HEADS", 2),
    *("ENCODER.POSITIONS", "sincos", "ENCODER.INIT", "timm"),
    *("MOCOV3.DIM", 16, "MOCOV3.HIDDEN", 32, "SIMMIM.MASK_PATCH", 8),
    *("MAE.DECODER_DIM", 16, "MAE.DECODER_DEPTH", 1, "MAE.DECODER_HEADS", 2),
)
GOLDEN = {
    "mocov3": ("ENCODER.IMG_SIZE", 32, "ENCODER.PATCH_SIZE", 8, "MOCOV3.DIM", 32, "MOCOV3.HIDDEN", 64),
    "simmim": (
        *("ENCODER.ARCH", "beit_base_patch16_224", "ENCODER.IMG_SIZE", 96, "ENCODER.PATCH_SIZE", 16),
        *("SIMMIM.MASK_PATCH", 32, "ENCODER.POSITIONS", "learned", "ENCODER.OPTIONS.use_abs_pos_emb", False),
        *("ENCODER.OPTIONS.use_rel_pos_bias", False, "ENCODER.OPTIONS.use_shared_rel_pos_bias", True),
        *("ENCODER.OPTIONS.init_values", 0.1),
    ),
    "mae": (
        *("ENCODER.IMG_SIZE", 48, "ENCODER.PATCH_SIZE", 8),
        *("MAE.DECODER_DIM", 24, "MAE.DECODER_DEPTH", 2, "MAE.DECODER_HEADS", 3),
    ),
}
"""Sizes of the golden checkpoints."""


def small_recipe(method: str, *opts: object) -> CfgNode:
    """A method on two blocks of 32 channels and 4 x 4 patches; `opts` are keys and values in turn."""
    tree: dict[str, Any] = {"METHOD": method}
    settings = (*SMALL, *opts)
    for key, value in zip(settings[::2], settings[1::2], strict=True):
        *groups, name = str(key).split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = value
    return parsed(yaml.safe_dump(tree))


def golden_recipe(method: str, *opts: object) -> CfgNode:
    """The recipe of a golden checkpoint."""
    return small_recipe(method, "ENCODER.NUM_HEADS", 4, *GOLDEN[method], *opts)

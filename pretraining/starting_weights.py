"""Weights that a training starts from: which encoder they are, and what a recipe has to say of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from timm.models.beit import Beit
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from yacs.config import CfgNode

from models import load_model, token_layout
from models.layout import pair
from study.provenance import weights_hash

from ._recipe_checks import NEW
from .encoder import build_encoder
from .recipe import load_recipe

SIZES = ("IMG_SIZE", "PATCH_SIZE", "EMBED_DIM", "DEPTH", "NUM_HEADS")


@dataclasses.dataclass(frozen=True)
class Start:
    """An encoder to train on.

    Attributes:
        encoder: of timm: VisionTransformer, Beit or Eva.
        sha256: of the names and values of its weights as they were loaded; empty where it is new.
        licence: of those weights; None where it is not known, or where they are new.
    """

    encoder: Any
    sha256: str
    licence: str | None = None


def starting_encoder(node: CfgNode) -> Start:
    """The encoder that holds ENCODER.WEIGHTS, or a new one where it is `none` or empty.

    Args:
        node: `recipe.ENCODER`. With WEIGHTS, of the others only IMG_SIZE and NUM_HEADS are used, and the sizes checked.
    Raises:
        OSError: the weights are missing or cannot be fetched.
        ValueError: no such weights, no plain ViT, or of other sizes than the recipe's.
    """
    if node.WEIGHTS in ("", NEW):
        return Start(build_encoder(node), "")
    loaded = load_model(node.WEIGHTS, num_heads=node.NUM_HEADS or None, img_size=node.IMG_SIZE)
    encoder = _suitable(loaded, node.WEIGHTS)
    wrong = [
        f"ENCODER.{name} is {node[name]}, but {node.WEIGHTS} has {size}"
        for name, size in _sizes(encoder, node.WEIGHTS).items()
        if node[name] not in (0, size)
    ]
    if wrong:
        raise ValueError("; ".join([*wrong, "leave sizes to the weights"]))
    return Start(encoder, weights_hash(encoder), loaded.passport.licence)


def recipe_from(name_or_path: str | os.PathLike[str], opts: Sequence[str] = ()) -> CfgNode:
    """`load_recipe`, where weights that are named decide sizes and normalisation, unless `opts` do.

    Raises:
        OSError, ValueError: as `load_recipe` and `load_model`.
    """
    given = dict(zip(opts[::2], opts[1::2], strict=False))
    weights = given.get("ENCODER.WEIGHTS", load_recipe(name_or_path).ENCODER.WEIGHTS)
    if weights in ("", NEW):
        return load_recipe(name_or_path, opts)
    heads = given.get("ENCODER.NUM_HEADS")
    model = _suitable(load_model(weights, num_heads=int(heads) if heads else None), weights)
    return load_recipe(name_or_path, [*_settings(model, weights), *opts])


def _settings(model: Any, weights: str) -> list[str]:
    """What a recipe says of an encoder, as words of a command line."""
    known: dict[str, Any] = {
        **{f"ENCODER.{name}": size for name, size in _sizes(model, weights).items()},
        "ENCODER.POSITIONS": "learned",
        "DATA.MEAN": list(model.pretrained_cfg["mean"]),
        "DATA.STD": list(model.pretrained_cfg["std"]),
    }
    return [word for key, value in known.items() for word in (key, str(value))]


def _sizes(model: Any, weights: str) -> dict[str, int]:
    """The keys of `SIZES` as they are in a model."""
    layout = token_layout(model)
    patch = pair(layout.patch_size)
    image = layout.grid[0] * patch[0], layout.grid[1] * patch[1]
    if patch[0] != patch[1] or image[0] != image[1]:
        raise ValueError(
            f"{weights} takes images of {image[0]} x {image[1]} px in patches of {patch[0]} x {patch[1]} px; expected "
            "squares"
        )
    heads = model.blocks[0].attn.num_heads
    return dict(zip(SIZES, (image[0], patch[0], model.embed_dim, len(model.blocks), heads), strict=True))


def _suitable(model: Any, weights: str) -> Any:
    if not isinstance(model, VisionTransformer | Beit | Eva) or isinstance(model, VisionTransformerDistilled):
        raise ValueError(
            f"{weights} is a {type(model).__name__}, which cannot be trained further here; expected timm's "
            "VisionTransformer, Beit or Eva"
        )
    return model

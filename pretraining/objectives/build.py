"""From a recipe to the method it names."""

from __future__ import annotations

from collections.abc import Callable

from yacs.config import CfgNode

from .._recipe_checks import require_choice
from ..encoder import build_encoder
from .hybrid import Hybrid, lambda_in_range
from .initialisation import mae_tokens, mae_weights, mocov3_weights, simmim_mask_token, simmim_weights
from .mae import MAE
from .mocov3 import MoCoV3
from .objective import Objective
from .simmim import SimMIM
from .supervised import Supervised


def build_objective(recipe: CfgNode, *, classes: int) -> Objective:
    """The recipe's method around a new encoder; weights come from torch's global generator, the encoder's first.

    Args:
        recipe: of `pretraining.recipe`.
        classes: number of classes of the training images; only supervised training looks at it.
    Raises:
        ValueError: the method is unknown, or the recipe does not fit it.
    """
    if recipe.METHOD not in METHODS:
        raise ValueError(f"METHOD={recipe.METHOD!r} is unknown; expected one of {', '.join(METHODS)}")
    require_choice("ENCODER.INIT", recipe.ENCODER.INIT)
    return METHODS[recipe.METHOD](recipe, classes)


def _official_weights(recipe: CfgNode) -> bool:
    return recipe.ENCODER.INIT == "method"


def _mocov3(recipe: CfgNode, classes: int) -> Objective:
    encoder = build_encoder(recipe.ENCODER)
    if _official_weights(recipe):
        mocov3_weights(encoder)
    return MoCoV3(encoder, recipe.MOCOV3)


def _simmim(recipe: CfgNode, classes: int) -> Objective:
    encoder = build_encoder(recipe.ENCODER)
    if _official_weights(recipe):
        simmim_weights(encoder)
    objective = SimMIM(encoder)
    simmim_mask_token(encoder)
    return objective


def _mae(recipe: CfgNode, classes: int) -> Objective:
    encoder = build_encoder(recipe.ENCODER)
    objective = MAE(encoder, recipe.MAE)
    if _official_weights(recipe):
        mae_weights(objective)
        mae_tokens(encoder)
    return objective


def _hybrid(recipe: CfgNode, classes: int) -> Objective:
    lambda_in_range(recipe.HYBRID.LAMBDA)
    encoder = build_encoder(recipe.ENCODER)
    if _official_weights(recipe):
        simmim_weights(encoder)
    objective = Hybrid(encoder, recipe.HYBRID, recipe.MOCOV3)
    simmim_mask_token(encoder)
    return objective


def _supervised(recipe: CfgNode, classes: int) -> Objective:
    return Supervised(build_encoder(recipe.ENCODER), recipe.SUPERVISED, classes=classes)


METHODS: dict[str, Callable[[CfgNode, int], Objective]] = {
    "mocov3": _mocov3,
    "simmim": _simmim,
    "mae": _mae,
    "hybrid": _hybrid,
    "supervised": _supervised,
}

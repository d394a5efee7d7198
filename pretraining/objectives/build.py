"""From a recipe to the method it names."""

from __future__ import annotations

from collections.abc import Callable

from yacs.config import CfgNode

from .._recipe_checks import require_choice, require_start
from ..classifier import add_classifier, bias_per_block, set_drop_path
from ..encoder import build_encoder
from ..methods import METHODS
from ..starting_weights import starting_encoder
from .finetune import Finetune
from .hybrid import Hybrid, lambda_in_range
from .initialisation import mae_tokens, mae_weights, mocov3_weights, simmim_mask_token, simmim_weights
from .mae import MAE
from .mocov3 import MoCoV3
from .objective import Objective
from .simmim import SimMIM
from .supervised import Supervised

HEAD_STD = 0.02  # of the classifier in supervised training


def build_objective(recipe: CfgNode, *, classes: int) -> Objective:
    """The recipe's method around its encoder; new weights come from torch's global generator, the encoder's first.

    Args:
        recipe: of `pretraining.recipe`.
        classes: number of classes of the training images, for the methods that learn from them.
    Raises:
        OSError: weights to start from are missing.
        ValueError: the method is unknown, or the recipe, the weights or the number of classes do not fit it.
    """
    require_choice("METHOD", recipe.METHOD)
    require_choice("ENCODER.INIT", recipe.ENCODER.INIT)
    if METHODS[recipe.METHOD].labels and classes < 2:
        raise ValueError(
            f"METHOD={recipe.METHOD} needs images of at least 2 classes, these are of {classes}; "
            "put them in one folder for each class"
        )
    if recipe.METHOD != "finetune":  # which is asked for its weights only where a training begins
        require_start(recipe)
    return _BUILDERS[recipe.METHOD](recipe, classes)


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
    encoder = build_encoder(recipe.ENCODER)
    add_classifier(encoder, classes, pooling="class_token", std=HEAD_STD)
    return Supervised(encoder, smoothing=recipe.SUPERVISED.LABEL_SMOOTHING)


def _finetune(recipe: CfgNode, classes: int) -> Objective:
    node, start = recipe.FINETUNE, starting_encoder(recipe.ENCODER)
    set_drop_path(start.encoder, recipe.ENCODER.DROP_PATH)
    if node.RELATIVE_BIAS == "block":
        bias_per_block(start.encoder)
    add_classifier(start.encoder, classes, pooling=node.POOLING, std=node.HEAD_STD)
    objective = Finetune(start.encoder, node, classes=classes, start_sha256=start.sha256)
    objective.start_licence = start.licence
    return objective


_BUILDERS: dict[str, Callable[[CfgNode, int], Objective]] = {
    "mocov3": _mocov3,
    "simmim": _simmim,
    "mae": _mae,
    "hybrid": _hybrid,
    "supervised": _supervised,
    "finetune": _finetune,
}

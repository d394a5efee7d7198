"""What the values of a recipe must be, beyond their type."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from yacs.config import CfgNode

from .methods import METHODS

CHOICES = {
    "METHOD": tuple(METHODS),
    "ENCODER.POSITIONS": ("learned", "sincos"),
    "ENCODER.INIT": ("method", "timm"),
    "FINETUNE.POOLING": ("patches", "class_token"),
    "FINETUNE.RELATIVE_BIAS": ("kept", "block"),
    "OPTIM.NAME": ("adamw", "lars"),
    "OPTIM.DECAY": ("all", "matrices", "weights"),
    "SCHEDULE.NAME": ("cosine", "multistep", "timm_cosine"),
    "TRAIN.PRECISION": ("float32", "bfloat16", "float16"),
}


def require_choice(key: str, value: str) -> None:
    """Raise ValueError where a setting is none of its choices."""
    if value not in CHOICES[key]:
        raise ValueError(f"{key}={value!r}; expected one of {', '.join(CHOICES[key])}")


NEW = "none"
"""ENCODER.WEIGHTS of a fine-tuning that starts from random weights on purpose."""


def require_start(recipe: CfgNode) -> None:
    """Raise ValueError where a training would not start from the weights that its recipe names.

    Recipes may be shown and built without weights; a training may not begin so.
    """
    weights = recipe.ENCODER.WEIGHTS
    if recipe.METHOD != "finetune" and weights:
        raise ValueError(
            f"ENCODER.WEIGHTS is {weights!r}, but METHOD {recipe.METHOD} starts from random weights: take it off, or "
            "choose METHOD finetune"
        )
    if recipe.METHOD == "finetune" and not weights:
        raise ValueError(
            "ENCODER.WEIGHTS is missing: METHOD finetune starts from weights that models.load_model takes (--opts "
            f"ENCODER.WEIGHTS NAME), or from random ones with --opts ENCODER.WEIGHTS {NEW}"
        )


def _keys(**groups: str) -> set[str]:
    return {f"{group}.{name}" for group, names in groups.items() for name in names.split()}


POSITIVE = _keys(
    ENCODER="IMG_SIZE PATCH_SIZE",
    MOCOV3="DIM HIDDEN TEMPERATURE",
    SIMMIM="MASK_PATCH RATIO",
    MAE="RATIO DECODER_DIM DECODER_DEPTH DECODER_HEADS",
    DATA="STD",
    FINETUNE="HEAD_STD",
    VIEWS="MIM.SCALE CONTRASTIVE.SCALE SUPERVISED.SCALE FINETUNE.SCALE",
    OPTIM="LR REFERENCE_BATCH EPS TRUST LAYER_DECAY",
    SCHEDULE="EPOCHS GAMMA MILESTONES",
    TRAIN="BATCH ACCUMULATE SAVE_EVERY",
    WATCH="IMAGES",
)
NOT_NEGATIVE = _keys(
    ENCODER="EMBED_DIM DEPTH NUM_HEADS DROP_PATH",
    MOCOV3="MOMENTUM",
    HYBRID="LAMBDA DECODER_DEPTH",
    SUPERVISED="LABEL_SMOOTHING",
    FINETUNE="LABEL_SMOOTHING MIXUP CUTMIX MIX_PROB SWITCH_PROB",
    DATA="LIMIT WORKERS",
    VIEWS="MIM.FLIP CONTRASTIVE.FLIP CONTRASTIVE.JITTER CONTRASTIVE.JITTER_P CONTRASTIVE.GREY CONTRASTIVE.BLUR "
    "CONTRASTIVE.SOLARISE SUPERVISED.FLIP SUPERVISED.JITTER SUPERVISED.JITTER_P FINETUNE.FLIP FINETUNE.ERASING",
    OPTIM="WEIGHT_DECAY CLIP_GRAD BETAS MOMENTUM",
    SCHEDULE="WARMUP_EPOCHS WARMUP_LR MIN_LR",
    WATCH="EVERY KNN_BANK KNN_QUERIES",
) | {"SEED"}
UP_TO_ONE = _keys(
    MOCOV3="MOMENTUM",
    SIMMIM="RATIO",
    MAE="RATIO",
    HYBRID="LAMBDA",
    FINETUNE="MIX_PROB SWITCH_PROB",
    VIEWS="MIM.SCALE MIM.FLIP CONTRASTIVE.SCALE CONTRASTIVE.FLIP CONTRASTIVE.JITTER_P CONTRASTIVE.GREY "
    "CONTRASTIVE.BLUR CONTRASTIVE.SOLARISE SUPERVISED.SCALE SUPERVISED.FLIP SUPERVISED.JITTER_P FINETUNE.SCALE "
    "FINETUNE.FLIP FINETUNE.ERASING",
    OPTIM="LAYER_DECAY",
)
BELOW_ONE = _keys(ENCODER="DROP_PATH", SUPERVISED="LABEL_SMOOTHING", FINETUNE="LABEL_SMOOTHING", OPTIM="BETAS MOMENTUM")


def checked(recipe: CfgNode) -> CfgNode:
    """The recipe itself.

    Raises:
        ValueError: a value out of its range, or two that do not fit; all faults are named at once.
    """
    faults = [*_not_chosen(recipe), *_out_of_range(recipe)]
    faults = faults or [*_shapes(recipe), *_masking(recipe), *_training(recipe), *_views(recipe)]
    if faults:
        raise ValueError("; ".join(faults))
    return recipe


def _value(recipe: CfgNode, key: str) -> Any:
    node: Any = recipe
    for part in key.split("."):
        node = node[part]
    return node


def _numbers(recipe: CfgNode, key: str) -> list[float]:
    value = _value(recipe, key)
    return value if isinstance(value, list) else [value]


def _not_chosen(recipe: CfgNode) -> Iterator[str]:
    for key, choices in CHOICES.items():
        if _value(recipe, key) not in choices:
            yield f"{key} is {_value(recipe, key)!r}, expected one of {', '.join(choices)}"


def _out_of_range(recipe: CfgNode) -> Iterator[str]:
    for keys, holds, expectation in (
        (POSITIVE, lambda number: 0 < number < math.inf, "positive"),
        (NOT_NEGATIVE, lambda number: 0 <= number < math.inf, "0 or more"),
        (UP_TO_ONE, lambda number: number <= 1, "at most 1"),
        (BELOW_ONE, lambda number: number < 1, "below 1"),
        ({"DATA.MEAN"}, math.isfinite, "finite"),
    ):
        for key in sorted(keys):
            if not all(holds(number) for number in _numbers(recipe, key)):
                yield f"{key} is {_value(recipe, key)}, expected {expectation}"


def _shapes(recipe: CfgNode) -> Iterator[str]:
    encoder, mae = recipe.ENCODER, recipe.MAE
    if encoder.IMG_SIZE % encoder.PATCH_SIZE:
        yield (
            f"ENCODER.PATCH_SIZE is {encoder.PATCH_SIZE}, expected a divisor of ENCODER.IMG_SIZE, {encoder.IMG_SIZE}: "
            "patches cover the image without remainder"
        )
    if encoder.NUM_HEADS and encoder.EMBED_DIM % encoder.NUM_HEADS:
        yield f"ENCODER.NUM_HEADS is {encoder.NUM_HEADS}, expected a divisor of ENCODER.EMBED_DIM, {encoder.EMBED_DIM}"
    if encoder.POSITIONS == "sincos" and encoder.EMBED_DIM % 4:
        yield f"ENCODER.EMBED_DIM is {encoder.EMBED_DIM}, expected a multiple of 4, as ENCODER.POSITIONS is sincos"
    if recipe.METHOD == "mae" and mae.DECODER_DIM % math.lcm(4, mae.DECODER_HEADS):
        yield (
            f"MAE.DECODER_DIM is {mae.DECODER_DIM}, expected a multiple of 4 (sine-cosine positions) "
            f"and of MAE.DECODER_HEADS, {mae.DECODER_HEADS}"
        )


def _masking(recipe: CfgNode) -> Iterator[str]:
    encoder, block = recipe.ENCODER, recipe.SIMMIM.MASK_PATCH
    if recipe.METHOD in ("simmim", "hybrid") and (encoder.IMG_SIZE % block or block % encoder.PATCH_SIZE):
        yield (
            f"SIMMIM.MASK_PATCH is {block}, expected a multiple of ENCODER.PATCH_SIZE, {encoder.PATCH_SIZE}, "
            f"that divides ENCODER.IMG_SIZE, {encoder.IMG_SIZE}"
        )
    patches = (encoder.IMG_SIZE // encoder.PATCH_SIZE) ** 2
    if recipe.METHOD == "mae" and int(patches * (1 - recipe.MAE.RATIO)) < 1:
        yield f"MAE.RATIO is {recipe.MAE.RATIO}, expected less: of {patches} patches none would stay visible"


def _training(recipe: CfgNode) -> Iterator[str]:
    schedule, train = recipe.SCHEDULE, recipe.TRAIN
    if schedule.WARMUP_EPOCHS > schedule.EPOCHS:
        yield f"SCHEDULE.WARMUP_EPOCHS is {schedule.WARMUP_EPOCHS}, expected at most SCHEDULE.EPOCHS, {schedule.EPOCHS}"
    if sorted(set(schedule.MILESTONES)) != schedule.MILESTONES:
        yield f"SCHEDULE.MILESTONES is {schedule.MILESTONES}, expected rising epochs"
    if train.BATCH % train.ACCUMULATE:
        yield f"TRAIN.BATCH is {train.BATCH}, expected a multiple of TRAIN.ACCUMULATE, {train.ACCUMULATE}"
    part, tuned = train.BATCH // train.ACCUMULATE, recipe.FINETUNE
    if recipe.METHOD == "finetune" and (tuned.MIXUP or tuned.CUTMIX) and part % 2:
        yield (
            f"TRAIN.BATCH is {train.BATCH} in TRAIN.ACCUMULATE, {train.ACCUMULATE}, parts, expected an even number of "
            "images in each: FINETUNE.MIXUP and CUTMIX mix them in pairs"
        )
    if recipe.METHOD in ("mocov3", "hybrid") and train.BATCH // train.ACCUMULATE < 2:
        yield (
            f"TRAIN.BATCH is {train.BATCH} in TRAIN.ACCUMULATE, {train.ACCUMULATE}, parts, expected two images or more "
            f"in each: METHOD {recipe.METHOD} compares the images of a part with each other"
        )


def _views(recipe: CfgNode) -> Iterator[str]:
    for name, view in recipe.VIEWS.items():
        if view.SCALE[0] > view.SCALE[1]:
            yield f"VIEWS.{name}.SCALE is {view.SCALE}, expected the smallest share of the image first"

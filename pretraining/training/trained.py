"""The classifier that a training has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.checkpoints.card import INSIDE as OURS

from ..methods import METHODS
from ..objectives import build_objective
from .checkpoint import stored

HEAD = "head.bias"


def trained_classifier(path: Path) -> Any:
    """The timm model of a checkpoint in eval mode, with classifier and preprocessing (`models.image_transform`).

    Of a fine-tuning, the weights that it began with are loaded first; they have to be where they were.

    Args:
        path: checkpoint of a method that learns from labels.
    Raises:
        OSError: the file or the weights to start from are missing.
        ValueError: it is no such checkpoint.
    """
    payload, recipe = stored(path)
    if not METHODS[recipe.METHOD].labels:
        raise ValueError(f"{path} is a training of {recipe.METHOD}, which has no classifier; expected one with labels")
    classes = len(payload["model"][HEAD])
    objective = build_objective(recipe, classes=classes)
    objective.load_checkpoint_entry(payload)
    encoder: Any = objective.encoder
    encoder.pretrained_cfg = {
        **encoder.pretrained_cfg,
        "input_size": (3, recipe.ENCODER.IMG_SIZE, recipe.ENCODER.IMG_SIZE),
        "mean": tuple(payload[OURS]["mean"]),
        "std": tuple(payload[OURS]["std"]),
        "num_classes": classes,
    }
    return encoder.eval()

"""The part of a photograph that a model sees, at a resolution for human eyes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image
from timm.data import create_transform, resolve_model_data_config


def as_seen(photograph: Image.Image, model: Any, *, side: int = 224) -> np.ndarray:
    """The photograph resized and cropped as for the model, but with at least `side` pixels on its shorter side.

    Args:
        photograph: any RGB image.
        model: of `models.load_model` or timm.
        side: in pixels; the model's own size, where that is larger.
    Returns:
        (height width 3), uint8; to lay attention maps over.
    """
    config = resolve_model_data_config(model)
    height, width = config["input_size"][-2:]
    scale = max(1, math.ceil(side / min(height, width)))
    larger = {**config, "input_size": (3, height * scale, width * scale), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    pixels: Any = create_transform(**larger, is_training=False)
    return (pixels(photograph) * 255).round().byte().permute(1, 2, 0).numpy()


def field_of_view(model: Any) -> tuple[float, str, float]:
    """What part of a photograph the model sees: equal for models that see the same, whatever their resolution.

    Returns:
        Share of the side that the crop keeps, how it is cropped, and height over width.
    """
    config = resolve_model_data_config(model)
    height, width = config["input_size"][-2:]
    return config["crop_pct"], config["crop_mode"], height / width

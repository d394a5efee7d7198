"""The preprocessing that a model's weights were evaluated with."""

from __future__ import annotations

from typing import Any

from timm.data import (
    create_transform,  # pyright: ignore[reportPrivateImportUsage]
    resolve_model_data_config,  # pyright: ignore[reportPrivateImportUsage]
)
from torch import nn

from .layout import innermost


def image_transform(model: nn.Module) -> Any:
    """From a PIL image to a normalised tensor, channel height width, as the authors evaluated these weights.

    The shorter side is resized to the model's image size over `crop_pct`, then the centre is cropped; where
    the model's images are not square, the image is scaled to cover them and cropped.

    Args:
        model: of `load_model` or timm.
    Returns:
        A torchvision transform.
    Raises:
        ValueError: the model does not say how its images were prepared.
    """
    bare = innermost(model)
    config = getattr(bare, "pretrained_cfg", None)
    if not config:
        raise ValueError(
            f"{type(bare).__name__} does not say how its images were prepared (no pretrained_cfg): load it with "
            "load_model, or set model.pretrained_cfg = {'input_size': ..., 'mean': ..., 'std': ..., ...}"
        )
    return create_transform(**resolve_model_data_config(bare), is_training=False)

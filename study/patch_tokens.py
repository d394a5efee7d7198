"""Patch tokens of chosen images at one depth, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models import image_transform, tap

from .data import Images


def patch_tokens(model: Any, images: Images, numbers: Sequence[int], *, depth: int, point: str = "after_mlp") -> Tensor:
    """The residual stream of some images, patch tokens only, (image token channel) on the CPU.

    Args:
        model: any plain ViT, in eval mode.
        images: of `open_images`.
        numbers: which of them; they go through as one batch.
        depth: of the block, 1 ... L.
        point: "before_attention" (what enters the block), "after_attention" or "after_mlp" (what leaves it).
    Raises:
        ValueError: the model has no such block, or the tap no such point.
    """
    if depth < 1:
        raise ValueError(f"depth={depth}; expected 1 for the first block (its `before_attention` is the embedding)")
    parameter, transform = next(model.parameters()), image_transform(model)
    pixels = torch.stack([transform(images[number]) for number in numbers])
    with torch.inference_mode(), tap(model, layers=[depth - 1], points=[point]) as trace:
        model(pixels.to(parameter.device, parameter.dtype))
    tokens = getattr(trace, point)[depth - 1]
    return tokens[:, trace.layout.prefix :].float().cpu().clone()

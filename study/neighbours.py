"""Features by which images find their nearest neighbours: one vector for each image and way of pooling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models import token_layout

NEIGHBOURS = 20  # that vote, as Wu et al. 2018 (arXiv:1805.01978) and DINO have it


def neighbour_features(model: Any, batches: Iterable[Tensor]) -> dict[str, Float[Tensor, "image channel"]]:
    """Pooled features of all images by kind, after the last norm, float32 on the CPU.

    Args:
        model: a timm ViT in eval mode.
        batches: images (batch 3 height width), normalised as the model wants them.
    """
    layout, first = token_layout(model), next(model.parameters())
    parts: dict[str, list[Tensor]] = {}
    for images in batches:
        tokens = model.forward_features(images.to(first.device, first.dtype)).float()
        for name, values in pooled_features(tokens, layout.prefix, layout.class_tokens).items():
            parts.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(values) for name, values in parts.items()}


def pooled_features(
    tokens: Float[Tensor, "batch token channel"], prefix: int, class_tokens: int
) -> dict[str, Float[Tensor, "batch channel"]]:
    """`knn_patches`, the mean of the patch tokens, and `knn_class_token` where there is a class token.

    Args:
        tokens: after the last norm.
        prefix: number of tokens in front of the patches, class tokens first.
        class_tokens: how many of them are class tokens.
    """
    pooled = {"knn_patches": tokens[:, prefix:].mean(1)}
    return {**pooled, "knn_class_token": tokens[:, 0]} if class_tokens else pooled

"""Image-level singular spectra: how many directions tell the images apart, at each depth."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from models import image_transform, tap, token_layout
from ops import Covariance

from .batches import batches
from .data import Images


def image_spectra(model: nn.Module, images: Images, *, batch_size: int = 16) -> Tensor:
    """Log singular values of the covariance of the images' mean patch tokens, at each depth.

    One pass; only the covariance is kept. Exact for any batch size.

    Args:
        model: any plain ViT, in eval mode.
        images: at least two. The 128th value, which the paper plots, needs more than 128 of them.
        batch_size: images in a batch.
    Returns:
        (depth rank), float64: depth 0 is the embedding, min(images - 1, channels) values, largest first.
    Raises:
        ValueError: fewer than two images, or features that are not finite.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 7, bottom.
    """
    covariances: dict[int, Covariance] = defaultdict(Covariance)
    prefix = token_layout(model).prefix
    parameter = next(model.parameters())

    def gather(layer: int, point: str, tokens: Tensor) -> None:
        depth = 0 if point == "embedding" else layer + 1
        covariances[depth].update(tokens[:, prefix:].double().mean(dim=1).cpu())

    with torch.inference_mode(), tap(model, points=["embedding", "after_mlp"], on_tokens=gather):
        for pixels, _ in batches(images, image_transform(model), batch_size=batch_size):
            model(pixels.to(parameter.device, parameter.dtype))
    return torch.stack([covariances[depth].spectrum() for depth in sorted(covariances)])

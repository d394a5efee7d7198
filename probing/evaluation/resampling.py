"""Bootstrap of what is no mean over images: ratios, and differences of ratios."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LEVEL = 0.95
RESAMPLES = 2000


def resampled_means(
    values: Float[Tensor, "image *rest"], *, resamples: int = RESAMPLES, seed: int = 0
) -> Float[Tensor, "resample *rest"]:
    """Means over images drawn with replacement, in the unit of the values, in float64.

    Values of the same images with the same seed see the same draws: ratios and differences of such means are paired.
    Different seeds draw independently, for images that have nothing to do with each other.

    Args:
        values: one row for each image; the draws are those of `ops.bootstrap_interval`.
        resamples: number of draws.
        seed: of the draws.
    Raises:
        ValueError: fewer than two images.
    """
    images = len(values)
    if images < 2:
        raise ValueError(f"values has {images} image; an interval needs at least 2")
    flat = values.double().reshape(images, -1)
    generator = torch.Generator().manual_seed(seed)
    means = flat.new_empty(resamples, flat.shape[1])
    for number in range(resamples):
        drawn = torch.randint(images, (images,), generator=generator)
        means[number] = drawn.bincount(minlength=images).to(flat) @ flat / images
    return means.reshape(resamples, *values.shape[1:])


def percentile_interval(
    draws: Float[Tensor, "resample *rest"], *, level: float = LEVEL
) -> tuple[Float[Tensor, "*rest"], Float[Tensor, "*rest"]]:
    """(low, high) that hold the middle `level` of the draws.

    Returns:
        NaN where a draw is not finite: a ratio whose denominator was 0 in some draw comes from so few images that no
        interval can be given (2000 draws all meet one of about 8 images or more).
    """
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=draws.dtype)
    known = draws.isfinite().all(dim=0)
    low, high = draws.nan_to_num(0.0, 0.0, 0.0).quantile(ends, dim=0)
    return low.where(known, torch.nan), high.where(known, torch.nan)

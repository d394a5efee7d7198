"""How well masks are predicted: confusion counts of each image, mean intersection over union, and its interval."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from models import TokenLayout
from ops import expanded_tail

from .geometry import pixels
from .masks import VOID

LEVEL, RESAMPLES = 0.95, 2000
Confusion = Int64[Tensor, "*rest class class"]
"""Counts of pixels: row the true class, column the predicted one."""


def predicted_classes(
    logits: Float[Tensor, "image patch class"], layout: TokenLayout
) -> UInt8[Tensor, "image row column"]:
    """Class of each pixel: the largest of the logits, upsampled bilinearly between the patches' centres."""
    grid = logits.transpose(1, 2).unflatten(2, layout.grid)
    return interpolate(grid, size=pixels(layout), mode="bilinear", align_corners=False).argmax(1).to(torch.uint8)


def confusion(
    truth: UInt8[Tensor, "image row column"], predicted: UInt8[Tensor, "image row column"], classes: int
) -> Int64[Tensor, "image class class"]:
    """Pixels of each image by true class (row) and predicted class (column); void pixels are left out.

    >>> truth = torch.tensor([[[0, 1, 255]]], dtype=torch.uint8)
    >>> confusion(truth, torch.zeros_like(truth), 2).tolist()
    [[[1, 0], [1, 0]]]
    """
    images = torch.arange(len(truth), device=truth.device)[:, None, None].expand(truth.shape)
    number = (images * classes + truth) * classes + predicted
    counts = torch.bincount(number[truth != VOID], minlength=len(truth) * classes**2)
    return counts.reshape(len(truth), classes, classes)


def class_iou(confusion: Confusion) -> Float[Tensor, "*rest class"]:
    """Intersection over union of each class, in float64.

        iou = right / (true + predicted - right)

    Returns:
        1 where prediction and truth agree, 0 where they share no pixel; NaN for a class without a true pixel.
    """
    counts = confusion.double()
    right, true, said = counts.diagonal(dim1=-2, dim2=-1), counts.sum(-1), counts.sum(-2)
    return torch.where(true > 0, right / (true + said - right), torch.nan)


def mean_iou(confusion: Confusion) -> Float[Tensor, "*rest"]:
    """Mean of the intersection over union over the classes that occur, in float64.

    Pixels taken for a class that does not occur count as lost to the class that they are of.

    >>> mean_iou(torch.tensor([[2, 0, 0], [1, 1, 0], [0, 0, 0]])).item()  # of 2/3 and 1/2
    0.58333...
    """
    return class_iou(confusion).nanmean(-1)


def pixel_accuracy(confusion: Confusion) -> Float[Tensor, "*rest"]:
    """Share of the pixels whose class is right, 0 to 1, in float64; NaN without any pixel."""
    counts = confusion.double()
    return counts.diagonal(dim1=-2, dim2=-1).sum(-1) / counts.sum((-1, -2))


def confusion_interval(
    confusion: Int64[Tensor, "image class class"],
    score: Callable[[Confusion], Float[Tensor, "*rest"]],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Expanded percentile bootstrap interval of a score of all images' pixels together.

        low, high = quantiles tail and 1 - tail of score(sum of confusion[drawn]) over resamples
        tail = expanded_tail(images)

    Images are drawn with replacement, whole, and the score is computed anew of what was drawn: it is no mean over
    images. A class that no drawn image holds is left out of that draw's mean. The same seed draws the same images, as
    `ops.bootstrap_interval` does.

    Args:
        confusion: of each image.
        score: `mean_iou` or `pixel_accuracy`.
        level: probability with which the interval is to cover.
        resamples: number of draws.
        seed: same seed, same interval.
    Returns:
        (low, high); NaN with fewer than two images.
    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; `ops.expanded_tail`.
    """
    images, classes = confusion.shape[:2]
    if images < 2:
        return float("nan"), float("nan")
    generator = torch.Generator().manual_seed(seed)
    flat = confusion.flatten(1).double()  # whole numbers below 2^53 are exact
    drawn = torch.stack(
        [torch.randint(images, (images,), generator=generator).bincount(minlength=images) for _ in range(resamples)]
    )
    scores = score((drawn.to(flat) @ flat).reshape(resamples, classes, classes))
    tail = expanded_tail(images, level=level)
    ends = torch.tensor([tail, 1 - tail], dtype=scores.dtype)
    low, high = scores[~scores.isnan()].quantile(ends).tolist()
    return low, high

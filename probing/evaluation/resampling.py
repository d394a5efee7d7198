"""Bootstrap of what is no mean over images: ratios, and differences of ratios."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ops import expanded_tail

LEVEL = 0.95


def percentile_interval(
    draws: Float[Tensor, "resample *rest"], *, images: int, level: float = LEVEL
) -> tuple[Float[Tensor, "*rest"], Float[Tensor, "*rest"]]:
    """(low, high) between which all draws lie but the share `ops.expanded_tail` on each side.

    Args:
        draws: of the statistic.
        images: how many were drawn from; of two sets the smaller.
        level: probability with which the interval is to cover.
    Returns:
        NaN where a draw is not finite: a ratio whose denominator was 0 in some draw comes from so few images that no
        interval can be given (2000 draws all meet one of about 8 images or more).
    """
    tail = expanded_tail(images, level=level)
    ends = torch.tensor([tail, 1 - tail], dtype=draws.dtype)
    known = draws.isfinite().all(dim=0)
    low, high = draws.nan_to_num(0.0, 0.0, 0.0).quantile(ends, dim=0)
    return low.where(known, torch.nan), high.where(known, torch.nan)

"""Bootstrap of what is no mean over images: ratios, and differences of ratios."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LEVEL = 0.95


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

"""From per-image values to means with their uncertainty."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .long_table import Table, means_of_heads
from .per_image import KEYS

GROUP = ["model", *KEYS]
SUMMARY = (*GROUP, "images", "mean", "error", "low", "high")


def summary(table: Table, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over heads, then over images, with standard error and bootstrap interval over images.

        error = standard deviation over images (divisor N - 1) / sqrt(N)

    Args:
        table: per-image values, columns as in `study.record.COLUMNS`; in pieces it is read once and never held whole.
        level: of the interval.
        seed: of the resampling.
    Returns:
        One row for each model (in the table's order), metric, convention, component and depth: images, mean, error,
        low, high. From a single image error, low and high are NaN.
    Raises:
        ValueError: the table is empty.
    Source: `ops.bootstrap_interval`, whole images drawn with replacement; wide enough for few images.
    """
    found = means_of_heads(table)
    if not found:
        raise ValueError("the table has no rows; measure first")
    return pd.concat([_of_model(model, wide, level, seed) for model, wide in found.items()], ignore_index=True)


def _of_model(model: str, wide: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    """Rows of one model from (key, image)."""
    import torch

    from ops import bootstrap_interval

    numbers = np.array(wide, dtype=np.float64).T  # image, key
    images = len(numbers)
    rows = wide.index.to_frame(index=False).assign(model=model, images=images, mean=numbers.mean(axis=0))
    if images < 2:
        return rows.assign(error=np.nan, low=np.nan, high=np.nan)[list(SUMMARY)]
    low, high = bootstrap_interval(torch.from_numpy(numbers), level=level, seed=seed)
    error = numbers.std(axis=0, ddof=1) / np.sqrt(images)
    return rows.assign(error=error, low=low.numpy(), high=high.numpy())[list(SUMMARY)]

"""From per-image values to means with their uncertainty."""

from __future__ import annotations

import numpy as np
import pandas as pd

GROUP = ["model", "metric", "convention", "component", "depth"]
SUMMARY = (*GROUP, "images", "mean", "error", "low", "high")


def summary(table: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over heads, then over images, with standard error and bootstrap interval over images.

        error = standard deviation over images (divisor N - 1) / sqrt(N)

    Args:
        table: per-image values, columns as in `study.record.COLUMNS`.
        level: of the interval.
        seed: of the resampling.
    Returns:
        One row for each model (in the table's order), metric, convention, component and depth: images, mean, error,
        low, high. From a single image error, low and high are NaN.
    Raises:
        ValueError: the table is empty.
    Source: `ops.bootstrap_interval`, whole images drawn with replacement.
    """
    if table.empty:
        raise ValueError("the table has no rows; measure first")
    parts = [_of_model(table[table["model"] == model], level, seed) for model in table["model"].unique()]
    return pd.concat(parts, ignore_index=True)


def _of_model(table: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    import torch

    from ops import bootstrap_interval

    heads = table.groupby([*GROUP, "image"], observed=True, sort=True)["value"].agg(["mean", "count", "size"])
    wide = heads["mean"].where(heads["count"] == heads["size"]).unstack("image")  # NaN stays NaN
    numbers = np.array(wide, dtype=np.float64).T  # image, group
    images = len(numbers)
    rows = wide.index.to_frame(index=False).assign(images=images, mean=numbers.mean(axis=0))
    if images < 2:
        return rows.assign(error=np.nan, low=np.nan, high=np.nan)[list(SUMMARY)]
    low, high = bootstrap_interval(torch.from_numpy(numbers), level=level, seed=seed)
    error = numbers.std(axis=0, ddof=1) / np.sqrt(images)
    return rows.assign(error=error, low=low.numpy(), high=high.numpy())[list(SUMMARY)]

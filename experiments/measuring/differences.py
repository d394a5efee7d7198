"""Differences between models, image by image: the paired form of what a figure shows side by side."""

from __future__ import annotations

import pandas as pd

from study.long_table import Table, means_of_heads
from study.per_image import KEYS

DIFFERENCES = "differences"
COLUMNS = ["model", "against", *KEYS, "images", "mean", "low", "high"]


def paired_differences(table: Table, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over images of (model - first model), with its bootstrap interval over images.

    An interval without 0 is a paired test: both models saw the same images.

    Args:
        table: per-image values, columns as in `study.record.COLUMNS`; in memory or in pieces.
        level: of the interval.
        seed: of the resampling.
    Returns:
        One row for each other model, metric, convention, component and depth that both have; low and high are NaN from
        a single image. Without a second model no rows.
    """
    first, *others = means_of_heads(table).items()
    parts = [_between(*other, *first, level, seed) for other in others]
    parts = [part for part in parts if not part.empty]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _between(model: str, wide: pd.DataFrame, first: str, other: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    """Rows of one model against the first, from the (key, image) of both."""
    import torch

    from ops import bootstrap_interval

    keys, images = wide.index.intersection(other.index), wide.columns.intersection(other.columns)
    gap = wide.loc[keys, images].sub(other.loc[keys, images])
    gap = gap.dropna(axis="index", how="all").dropna(axis="columns", how="all").sort_index()
    values = torch.from_numpy(gap.to_numpy(dtype="float64").T.copy())
    known = gap.index.to_frame(index=False).assign(model=model, against=first, images=len(values))
    known["mean"] = values.mean(0).numpy()
    known["low"], known["high"] = float("nan"), float("nan")
    if len(values) > 1:
        known["low"], known["high"] = (end.numpy() for end in bootstrap_interval(values, level=level, seed=seed))
    return known[COLUMNS]

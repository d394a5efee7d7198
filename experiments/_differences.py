"""Differences between models, image by image: the paired form of what a figure shows side by side."""

from __future__ import annotations

import pandas as pd

DIFFERENCES = "differences"
COLUMNS = ["model", "against", "metric", "convention", "component", "depth", "images", "mean", "low", "high"]


def paired_differences(table: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over images of (model - first model), with its bootstrap interval over images.

    An interval without 0 is a paired test: both models saw the same images.

    Args:
        table: per-image values, columns as in `study.record.COLUMNS`.
        level: of the interval.
        seed: of the resampling.
    Returns:
        One row for each other model, metric, convention, component and depth that both have; low and high are NaN from
        a single image. Without a second model no rows.
    """
    import torch

    from ops import bootstrap_interval

    keys = ["metric", "convention", "component", "depth"]
    per_image = table.groupby(["model", *keys, "image"], observed=True, sort=True)["value"].mean()
    first, *others = table["model"].unique()
    parts = []
    for model in others:
        gap = (per_image[model] - per_image[first]).dropna().unstack("image")
        if gap.empty:
            continue
        values = torch.from_numpy(gap.to_numpy(dtype="float64").T.copy())
        known = gap.index.to_frame(index=False).assign(model=model, against=first, images=len(values))
        known["mean"] = values.mean(0).numpy()
        known["low"], known["high"] = float("nan"), float("nan")
        if len(values) > 1:
            known["low"], known["high"] = (end.numpy() for end in bootstrap_interval(values, level=level, seed=seed))
        parts.append(known[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)

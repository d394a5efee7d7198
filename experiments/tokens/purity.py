"""Whether tokens gather by image, and by class: of each image, and in the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from torch import Tensor

IMAGE, CLASS = "same_image", "same_class"


def purity(tokens: Tensor, numbers: Sequence[int], kinds: Sequence[int]) -> pd.DataFrame:
    """Shares of each image's tokens, with the value that tokens without structure would have.

        same_image  share whose nearest other token is of the same image
        same_class  share whose nearest token of another image is of the same class

    Args:
        tokens: (image token channel), patch tokens only.
        numbers: of the images.
        kinds: class of each; where each is a class of its own there is no `same_class`.
    Returns:
        One row for each image and metric: image, metric, value, chance.
    """
    import torch

    import ops

    images, count, _ = tokens.shape
    own, classes = torch.arange(images)[:, None], torch.tensor(kinds)
    at_home = ops.nearest_image(tokens).cpu() == own
    chance = (count - 1) / (images * count - 1)
    parts = [_rows(numbers, IMAGE, at_home, torch.full((images,), chance, dtype=torch.float64))]
    if len(set(kinds)) < images:
        alike = classes[ops.nearest_image(tokens, others=True).cpu()] == classes[:, None]
        others = (classes[:, None] == classes).sum(dim=1) - 1
        parts.append(_rows(numbers, CLASS, alike, others.double() / (images - 1)))
    return pd.concat(parts, ignore_index=True)


def mean_purity(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Means over images with 95 % bootstrap intervals over images, whose neighbours stay those of all images shown.

    Args:
        table: of `purity`, with a column depth.
        seed: of the draws.
    """
    import torch

    from ops import bootstrap_interval

    rows = []
    groups: Any = table.groupby(["metric", "depth"], sort=True)
    for (metric, depth), own in groups:
        values = torch.tensor(own["value"].to_numpy())
        low, high = bootstrap_interval(values, seed=seed)
        ends: dict[str, Any] = {"value": float(values.mean()), "low": float(low), "high": float(high)}
        place = {"metric": metric, "depth": depth, "images": len(values)}
        rows.append({**place, **ends, "chance": own["chance"].mean()})
    return pd.DataFrame(rows)


def _rows(numbers: Sequence[int], metric: str, hits: Tensor, chance: Tensor) -> pd.DataFrame:
    shares = hits.double().mean(dim=1).numpy()
    return pd.DataFrame({"image": numbers, "metric": metric, "value": shares, "chance": chance.numpy()})

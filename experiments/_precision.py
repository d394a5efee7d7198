"""When to stop measuring: how wide the intervals are, as shares of what they are intervals of."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

LEAST = 64  # images: the bootstrap's interval of fewer is too narrow
GROWTH = 1.25  # of the images from one look at the intervals to the next


@dataclasses.dataclass(frozen=True)
class Widest:
    """The interval that is the widest share of its metric's scale.

    Attributes:
        share: half its width over the scale; NaN where the mean is no number.
        metric, model, depth: whose it is.
        scale: the largest |mean| of that metric over depths and models.
    """

    share: float
    metric: str
    model: str
    depth: int
    scale: float

    def __str__(self) -> str:
        return (
            f"{self.metric} of {self.model} at depth {self.depth}, ± {100 * self.share:.2g} % of its scale "
            f"({self.scale:.3g})"
        )


def widest(summary: pd.DataFrame) -> Widest:
    """The widest interval of a table.

        share = (high - low) / 2 / max |mean| of the metric over models, depths and components

    Args:
        summary: of `study.summary`, of two images or more.
    """
    scale = summary["mean"].abs().groupby(summary["metric"]).transform("max")
    half = (summary["high"] - summary["low"]) / 2
    share = (half / scale).where(half > 0, half)  # 0 where all images agree, also on 0; NaN stays
    row = summary.loc[share.idxmax() if share.notna().all() else share.index[share.isna()][0]]
    return Widest(
        float(share[row.name]), str(row["metric"]), str(row["model"]), int(row["depth"]), float(scale[row.name])
    )


def looks(images: int, holding: Any) -> list[int]:
    """After how many chunks the intervals are looked at: 64 images, then a quarter more each time, at last all.

    Args:
        images: how many there are.
        holding: from a number of images to that of the chunks that hold them, at most all.
    """
    sizes = [LEAST]
    while sizes[-1] < images:
        sizes.append(int(np.ceil(sizes[-1] * GROWTH)))
    return sorted({holding(size) for size in sizes})


def told(share: float, found: Widest, images: int, available: int) -> str:
    """What the end of a run says of it."""
    goal = f"± {100 * share:g} % of its metric's scale"
    if found.share <= share:
        return (
            f"stopped after {images} of {available} images: every 95 % interval is within {goal} (widest: {found}). "
            "Looking at the intervals several times makes the last ones a little narrower than 95 %"
        )
    return f"not every 95 % interval is within {goal} after all {images} images; widest: {found}"

"""When to stop measuring: how wide the intervals are, as shares of what they are intervals of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd

LEAST = 64  # images: the width of fewer's interval is itself known to worse than a tenth
GROWTH = 1.25  # of the images from one look at the intervals to the next


@dataclasses.dataclass(frozen=True)
class Widest:
    """The interval that is the widest share of its metric's scale.

    Attributes:
        share: half its width over the scale; NaN where there is no interval.
        metric, model, depth: whose it is.
        scale: the largest |mean| of that metric over depths and models; of a metric that is shown on a logarithmic axis
            the |mean| itself.
    """

    share: float
    metric: str
    model: str
    depth: int
    scale: float


@dataclasses.dataclass(frozen=True)
class Stop:
    """Where a measurement until it is precise ended.

    Attributes:
        asked: the share that was asked for.
        images, available: how many were measured, and how many there are.
        widest: interval at the end.
    """

    asked: float
    images: int
    available: int
    widest: Widest

    @property
    def reached(self) -> bool:
        """Whether every interval is narrow enough; not where one is no number."""
        return self.widest.share <= self.asked

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        share = None if np.isnan(self.widest.share) else self.widest.share
        of = {**dataclasses.asdict(self.widest), "share": share}
        return {"share": self.asked, "reached": self.reached, "available": self.available, "widest": of}

    def __str__(self) -> str:
        goal = f"± {100 * self.asked:g} % of its metric's scale"
        known = self.widest
        share = "without an interval" if np.isnan(known.share) else f"± {100 * known.share:.2g} %"
        widest = f"{known.metric} of {known.model} at depth {known.depth}, {share} of its scale ({known.scale:.3g})"
        if not self.reached:
            return f"not every 95 % interval is within {goal} after all {self.images} images; the widest: {widest}"
        return (
            f"stopped after {self.images} of {self.available} images: every 95 % interval is within {goal} (the "
            f"widest: {widest}). Looked at several times, the last intervals are a little too narrow"
        )


def widest(summary: pd.DataFrame, *, logarithmic: Collection[str] = ()) -> Widest:
    """The widest interval of a table.

        share = (high - low) / 2 / max |mean| of the metric over models, depths and components
        share = (high - low) / 2 / |mean|,    of metrics on a logarithmic axis, where small means are read too

    Args:
        summary: of `study.summary`.
        logarithmic: names of the metrics that are shown on such an axis.
    """
    means = summary["mean"].abs()
    scales = means.groupby(summary["metric"]).transform("max").mask(summary["metric"].isin(list(logarithmic)), means)
    scales = scales.to_numpy()
    half = (summary["high"] - summary["low"]).to_numpy() / 2
    shares = np.divide(half, scales, out=half.copy(), where=half > 0)  # 0 where all images agree, even on 0
    place = int(np.argmax(shares))  # of NaN, if there are
    row = summary.iloc[place].to_dict()
    return Widest(float(shares[place]), row["metric"], row["model"], int(row["depth"]), float(scales[place]))


def looks(images: int, chunks_of: Callable[[int], int]) -> list[int]:
    """After how many chunks the intervals are looked at: 64 images, then a quarter more each time, at last all.

    Args:
        images: how many there are.
        chunks_of: from a number of images to that of the chunks that hold them, at most all.
    """
    sizes = [float(LEAST)]
    while sizes[-1] < images:
        sizes.append(sizes[-1] * GROWTH)
    return sorted({chunks_of(int(np.ceil(size))) for size in sizes})

"""What claims are judged by: per-image values of two models on the same images, and a table of probes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

LEVEL = 0.95
COMMAND = "command"
"""Column that tells which command of `python -m probing` a row comes from."""
RESAMPLES = 2000


class Interval(NamedTuple):
    """A number with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Measurements of a contrastive and a masked model.

    Attributes:
        cl, mim: their names.
        table: per-image values, columns as in `study.record.COLUMNS`.
        probes: results of `python -m probing`, with the command in a column; None or empty where there are none.
        seed: of the resampling.
    """

    cl: str
    mim: str
    table: pd.DataFrame
    probes: pd.DataFrame | None = None
    seed: int = 0

    def curves(self, model: str, metric: str) -> np.ndarray:
        """(image, depth): the mean over heads, depths ascending.

        Raises:
            ValueError: the table has no such metric of that model.
        """
        rows = self.table[(self.table["model"] == model) & (self.table["metric"] == metric)]
        if rows.empty:
            raise ValueError(f"no values of {metric} of {model}")
        return rows.pivot_table(index="image", columns="depth", values="value", aggfunc="mean").to_numpy()

    def resampled(self, statistic: Callable[..., float], *arrays: np.ndarray) -> Interval:
        """A statistic of (image, ...) arrays of the same images, with its bootstrap interval over images.

        Whole images are drawn, the same for all arrays, and the statistic is computed anew: a paired test.

        Args:
            statistic: from arrays whose first axis was averaged over images to a number.
            arrays: of the same images.
        """
        import torch

        from ops import resampled_means

        joined = np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
        ends = np.cumsum([array[0].size for array in arrays])[:-1]

        def value(means: np.ndarray) -> float:
            parts = np.split(means, ends)
            return statistic(*(part.reshape(array.shape[1:]) for part, array in zip(parts, arrays, strict=True)))

        if len(joined) < 2:
            return Interval(value(joined.mean(0)), float("nan"), float("nan"))
        draws = resampled_means(torch.from_numpy(joined), resamples=RESAMPLES, seed=self.seed).numpy()
        found = np.array([value(row) for row in draws])
        low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(value(joined.mean(0)), float(low), float(high))

    def accuracy(self, model: str, head: str, pooling: str) -> pd.DataFrame | None:
        """Accuracies of a model's layers under a head, columns value, low, high by layer; None where there are none."""
        rows = self.results(model, "layers", "accuracy")
        return None if rows is None else _layers(rows[(rows["head"] == head) & (rows["pooling"] == pooling)])

    def results(self, model: str, command: str, metrics: str) -> pd.DataFrame | None:
        """Rows of a model under one command of `python -m probing`; None where there are none.

        Args:
            model: its name.
            command: layers, finetune, frequency-noise, shifted or shape-bias.
            metrics: regular expression of their names.
        """
        if self.probes is None or self.probes.empty:
            return None
        rows = self.probes[(self.probes["model"] == model) & (self.probes[COMMAND] == command)]
        rows = rows[rows["metric"].str.fullmatch(metrics)]
        return None if rows.empty else rows


def _layers(rows: pd.DataFrame) -> pd.DataFrame | None:
    return None if rows.empty else rows.set_index("layer").sort_index()[["value", "low", "high"]]

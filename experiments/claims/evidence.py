"""What claims are judged by: per-image values and spectra of two models on the same images, and a table of probes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .interval import LEVEL, Interval

if TYPE_CHECKING:
    from .spectra import Spectra

OF_THE_GRID = frozenset({"distance", "nmi", "delta_log_amplitude", "cls_cls_attention", "cls_pos_entropy"})
"""Metrics whose values depend on how many patches there are, or on the size of the image in pixels."""
COMMAND = "command"
"""Column that tells which command of `python -m probing` a row comes from."""
RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Measurements of a contrastive and a masked model.

    Attributes:
        cl, mim: their names.
        table: per-image values, columns as in `study.record.COLUMNS`.
        probes: results of `python -m probing`, with the command in a column; None or empty where there are none.
        seed: of the resampling.
        spectra: singular values of both models' tokens; None where they were not measured.
        parameters: how many each model has.
        layouts: of `known_facts`; without them the models are taken to have the same grid.
    """

    cl: str
    mim: str
    table: pd.DataFrame
    probes: pd.DataFrame | None = None
    seed: int = 0
    spectra: Spectra | None = None
    parameters: Mapping[str, int] = dataclasses.field(default_factory=dict)
    layouts: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def same_grid(self) -> bool:
        """Whether both models see as many patches of as many pixels."""
        return len({(*layout["grid"], *layout["patch_size"]) for layout in self.layouts.values()}) <= 1

    def comparable(self, metric: str) -> bool:
        """Whether both models have a metric and their values mean the same."""
        known = set(self.table.loc[self.table["metric"] == metric, "model"])
        return {self.cl, self.mim} <= known and (self.same_grid or metric not in OF_THE_GRID)

    def curves(self, model: str, metric: str) -> np.ndarray:
        """(image, depth): the mean over heads, depths ascending from 0 or 1, as the metric has it.

        Raises:
            ValueError: the table has no such metric of that model.
        """
        return self._wide(model, metric).to_numpy()

    def of_blocks(self, model: str, metric: str) -> np.ndarray:
        """The same without depth 0, so that halves of the depth are the same blocks for every metric."""
        wide = self._wide(model, metric)
        return wide.loc[:, wide.columns > 0].to_numpy()

    def resampled(self, statistic: Callable[..., float], *arrays: np.ndarray) -> Interval:
        """A statistic of (image, ...) arrays of the same images, with its bootstrap interval over images.

        Whole images are drawn, the same for all arrays, and the statistic is computed anew: a paired test.

        Args:
            statistic: from arrays whose first axis was averaged over images to a number.
            arrays: of the same images.
        """
        return self.smallest(lambda *means: np.array([statistic(*means)]), *arrays)

    def smallest(self, statistics: Callable[..., np.ndarray], *arrays: np.ndarray) -> Interval:
        """The smallest of several statistics, for statements that hold where all of them are above 0.

        The bootstrap's own quantiles of a smallest value lie too low. So `low` is the smallest of the lower ends, above
        0 where each statistic is; `high` the smallest of the upper ends, each at the level that several of them
        together need (Bonferroni), below 0 where at least one is.

        Args:
            statistics: from arrays whose first axis was averaged over images to numbers.
            arrays: of the same images.
        """
        import torch

        from ops import expanded_tail, resampled_means

        joined = np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
        ends = np.cumsum([array[0].size for array in arrays])[:-1]

        def values(means: np.ndarray) -> np.ndarray:
            parts = np.split(means, ends)
            return statistics(*(part.reshape(array.shape[1:]) for part, array in zip(parts, arrays, strict=True)))

        value = values(joined.mean(0))
        if len(joined) < 2:
            return Interval(float(value.min()), float("nan"), float("nan"))
        draws = resampled_means(torch.from_numpy(joined), resamples=RESAMPLES, seed=self.seed).numpy()
        found = np.array([values(row) for row in draws])
        low = np.quantile(found, expanded_tail(len(joined), level=LEVEL), axis=0)
        each = 1 - (1 - LEVEL) / len(value)
        high = np.quantile(found, 1 - expanded_tail(len(joined), level=each), axis=0)
        return Interval(float(value.min()), float(low.min()), float(high.min()))

    def accuracy(self, model: str, head: str, pooling: str) -> pd.DataFrame | None:
        """Accuracies of a model's layers under a head, columns value, low, high by layer; None where there are none."""
        rows = self.results(model, "layers", "accuracy")
        return None if rows is None else _layers(rows[(rows["head"] == head) & (rows["pooling"] == pooling)])

    def results(self, model: str, command: str, metrics: str) -> pd.DataFrame | None:
        """Rows of a model under one command of `python -m probing`; None where there are none.

        Args:
            model: its name.
            command: layers, aggregate, finetune, frequency-noise, shifted or shape-bias.
            metrics: regular expression of their names.
        """
        if self.probes is None or self.probes.empty:
            return None
        rows = self.probes[(self.probes["model"] == model) & (self.probes[COMMAND] == command)]
        rows = rows[rows["metric"].str.fullmatch(metrics)]
        return None if rows.empty else rows

    def _wide(self, model: str, metric: str) -> pd.DataFrame:
        rows = self.table[(self.table["model"] == model) & (self.table["metric"] == metric)]
        if rows.empty:
            raise ValueError(f"no values of {metric} of {model}")
        return rows.pivot_table(index="image", columns="depth", values="value", aggfunc="mean")


def _layers(rows: pd.DataFrame) -> pd.DataFrame | None:
    return None if rows.empty else rows.set_index("layer").sort_index()[["value", "low", "high"]]

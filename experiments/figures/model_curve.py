"""Curves over depth with their bands, and one legend for all panels of a figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from study.plots import plots

MEAN = ("mean", "low", "high")  # columns of `study.summary`
VALUE = ("value", "low", "high")  # of tables with intervals of their own


def model_curve(ax: Axes, rows: pd.DataFrame, model: str, label: str, *, columns: tuple[str, str, str] = MEAN) -> None:
    """The curve of one model; without a band where an end of an interval is not known.

    Args:
        ax: to draw on.
        rows: one for each depth; without any nothing is drawn.
        model: as the legend names it.
        label: of the axis, with the unit.
        columns: of value, low and high.
    """
    if rows.empty:
        return
    depth, value, low, high = rows.sort_values("depth")[["depth", *columns]].to_numpy(dtype=float).T
    band = None if np.isnan([low, high]).any() else (low, high)
    plots().depth_curve(depth, value, model=model, error=band, ax=ax, ylabel=label)


def legend_of(axes: Iterable[Axes]) -> tuple[list[Any], list[str]]:
    """Handles and labels of all panels, each label once, as `figure.legend` takes them."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return list(entries.values()), list(entries)


def without_legend(ax: Axes) -> None:
    """Remove the legend of a panel, if it has one: the figure has one for all."""
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()

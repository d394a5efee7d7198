"""Curves over depth with their bands, and one legend for all panels of a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath

from study.plots import plots

from ..drawing import short_names

SAMPLE = 4.8  # line sample of an entry of the legend with the gaps beside it, in letter sizes
MARGIN = 2.0  # of the legend at both ends, in letter sizes
INCH = 72  # points

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


def legend_above(
    figure: Any, entries: tuple[Sequence[Any], Sequence[str]], width: float, *, letters: float = 10
) -> None:
    """One legend above all panels, in as many columns as fit.

    Args:
        figure: or subfigure, that makes room for it.
        entries: of `legend_of`; without any there is no legend.
        width: of the figure in inches.
        letters: their size in points.
    """
    handles, labels = entries
    short = short_names(label for label in labels if " " not in label)  # models, not reference lines
    columns = legend_columns([short.get(label, label) for label in labels], width * INCH / letters)
    if labels:
        figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=letters)


def legend_columns(labels: Sequence[str], room: float) -> int:
    """As many columns as fit beside each other, at least one.

    Args:
        labels: in order; matplotlib fills one column after the other, the first ones longer.
        room: in letter sizes.
    """
    fitting = (columns for columns in range(len(labels), 1, -1) if _legend_width(labels, columns) <= room)
    return next(fitting, 1)


def _legend_width(labels: Sequence[str], columns: int) -> float:
    rows, longer = divmod(len(labels), columns)
    ends = [rows * number + min(number, longer) for number in range(columns + 1)]
    widest = [max(map(_text_width, labels[start:end])) for start, end in pairwise(ends)]
    return sum(letters + SAMPLE for letters in widest) + MARGIN


def _text_width(text: str) -> float:
    """In letter sizes, in the font of the figures."""
    return TextPath((0, 0), text, size=100).get_extents().width / 100


def without_legend(ax: Axes) -> None:
    """Remove the legend of a panel, if it has one, and the room made for it: the figure has one for all.

    Limits that were set stay, so set them afterwards or for good.
    """
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
        ax.autoscale_view(scalex=False)

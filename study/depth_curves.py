"""A metric over depth, all models of a table in one panel."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from ops import plots

from .published import published
from .summary import summary


def depth_curves(
    table: pd.DataFrame,
    metric: str,
    *,
    ylabel: str,
    component: int | None = None,
    images: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws the mean over heads and images with its 95 % interval over images, one curve for each model.

    Args:
        table: of `comparison`.
        metric: the name it has in the table.
        ylabel: name and unit.
        component: which, of a metric with several; negative from the end.
        images: name of the images (`Images.where`): where the paper measured the very same model on the very same
            images, its curve is drawn too, wide and faint.
        ax: pyplot's current axes if not given.
    Raises:
        ValueError: the table has no such metric or component, or several of them and none is chosen.
    """
    rows = _rows(table, metric, component)
    with plots.together(map(str, rows["model"].unique())):
        return _drawn(rows, metric, ylabel, images, plt.gca() if ax is None else ax)


def _drawn(rows: pd.DataFrame, metric: str, ylabel: str, images: str | None, ax: Axes) -> Axes:
    for name, curve in summary(rows).groupby("model", sort=False, observed=True):
        known = published(metric, str(name), images)
        if known is not None:
            ax = plots.paper_curve(known.depths, known.values, known.label, model=str(name), ax=ax)
        band = None if curve["error"].isna().any() else (curve["low"].to_numpy(), curve["high"].to_numpy())
        depths, mean = curve["depth"].to_numpy(), curve["mean"].to_numpy()
        ax = plots.depth_curve(depths, mean, error=band, model=str(name), ylabel=ylabel, ax=ax)
    return ax


def _rows(table: pd.DataFrame, metric: str, component: int | None) -> pd.DataFrame:
    rows = table[table["metric"] == metric]
    if rows.empty:
        known = ", ".join(sorted(map(str, table["metric"].unique())))
        raise ValueError(f"metric={metric!r} is not in the table; it has {known}")
    if component is not None and component < 0:
        last = rows.groupby("model", observed=True)["component"].transform("max")  # grids may differ between models
        rows = rows[rows["component"] == last + 1 + component]
    elif component is not None:
        rows = rows[rows["component"] == component]
    if rows.empty:
        raise ValueError(f"component={component}: {metric} has none of this number")
    if rows.groupby("model", observed=True)["component"].nunique().max() > 1:
        raise ValueError(f"{metric} has several components: choose one, for example component=-1 for the last")
    return rows

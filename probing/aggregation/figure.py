"""Accuracy of one layer's poolings side by side, from the table alone; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.plots import plots

NAMES = {
    "class_token": "class token",
    "patches": "mean of patches",
    "registers": "mean of registers",
    "both": "class token and mean of patches",
    **{f"cp{size}": f"central {size} x {size} patches" for size in range(1, 5)},
    **{f"ca{size}": f"attention of central {size} x {size}" for size in range(1, 5)},
    "lowest_entropy_head": "class attention, sharpest head",
    "mean_head": "class attention, mean of heads",
    "oracle": "attention of another model",
    "tokens": "AbMILP",
}
"""How figures call the poolings."""

SPREAD = 0.6  # of a line's height, shared by its models
LETTERS = 9  # points


def poolings_figure(table: pd.DataFrame) -> Figure:
    """A line for each pooling, best on top for the first model, a point with its 95 % interval for each model.

    Args:
        table: rows of one layer of each model, as `python -m probing aggregate` writes them.
    """
    models = list(table["model"].unique())
    order = pooling_order(table)
    figure = Figure(figsize=(6.4, height(order, models)), layout="constrained")
    ax = figure.subplots()
    poolings_panel(ax, table, order)
    ax.set_xlabel("Accuracy on test images", fontsize=LETTERS)
    figure.legend(loc="outside upper center", ncols=len(models), fontsize=LETTERS, frameon=False)
    figure.supxlabel(_note(table), fontsize=LETTERS - 1, color="0.3")
    return figure


def poolings_panel(ax: Axes, table: pd.DataFrame, order: Sequence[str], *, scale: float = 1) -> Axes:
    """A line for each pooling, on it a point with its interval for each model; no legend.

    Args:
        ax: to draw on.
        table: columns model, pooling, value, low, high, one row for each pooling of a model.
        order: poolings from the lowest line up.
        scale: factor on the values, such as 100 for points.
    """
    models = list(table["model"].unique())
    for number, model in enumerate(models):
        shift = ((len(models) - 1) / 2 - number) * SPREAD / len(models)
        _points(ax, table[table["model"] == model], order, shift, model, scale)
    ax.set_yticks(range(len(order)), [NAMES.get(name) or name for name in order], fontsize=LETTERS)
    ax.grid(axis="x", color="0.9", zorder=0)
    return ax


def height(order: Sequence[str], models: Sequence[str]) -> float:
    """Of a figure in inches, in which points of all models lie apart from each other."""
    return max(0.32, 0.09 * len(models)) * len(order) + 1.5


def _note(table: pd.DataFrame) -> str:
    images = ", ".join(str(count) for count in sorted(table["images"].unique()))
    layers = dict(zip(table["model"], table["layer"]))
    same = {str(layer) for layer in layers.values()}
    said = same.pop() if len(same) == 1 else ", ".join(f"{layer} of {model}" for model, layer in layers.items())
    return f"Layer {said}. Bars: 95 % bootstrap intervals over {images} test images."


def pooling_order(table: pd.DataFrame) -> list[str]:
    """Poolings from the lowest to the highest number of the first model, then those that it does not have."""
    first = table[table["model"] == table["model"].iloc[0]]
    own = first.sort_values(by="value", kind="stable")  # pyright: ignore[reportCallIssue]
    return list(dict.fromkeys([*own["pooling"], *table["pooling"]]))


def _points(ax: Axes, rows: pd.DataFrame, order: Sequence[str], shift: float, model: str, scale: float) -> None:
    look = plots().style(model)
    value, low, high = (scale * rows[name].to_numpy(float) for name in ("value", "low", "high"))
    places = np.array([order.index(name) for name in rows["pooling"]], dtype=float) + shift
    error = np.nan_to_num(np.stack([value - low, high - value])).clip(min=0)
    ax.errorbar(
        value, places, xerr=error, fmt=look["marker"], color=look["color"], label=look["label"], markersize=5, zorder=3
    )

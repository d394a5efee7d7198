"""The figure: mean intersection over union over layers, and some images with their true and predicted masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from study.atomic import replacing
from study.plots import plots

from .masks import VOID

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

FIGURE = "dense.png"
LETTERS = 8  # points
CURVE = (3.6, 3.1)  # inches
PICTURE = 1.05  # inches
GROUND = "#E4E4E4"  # of class 0
COLOURS = ("#3B6FB6", "#E3A72F", "#B4234F", "#0B8F6A", "#9355C4", "#E07B00", "#1BA3C6", "#8F3B1B", "#C2559D", "#7A8B3C")
MANY = "tab20"  # palette of matplotlib, for more classes than these
NOTHING = "#FFFFFF"  # of void pixels
NAMED = 10  # classes in the legend at most


def curves(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draws the mean intersection over union over layers, one curve and band for each model."""
    found: Any = table[table["metric"] == "miou"]
    for model, rows in found.groupby("model", sort=False):
        layers, values, low, high = rows[["layer", "value", "low", "high"]].sort_values(by="layer").to_numpy().T
        band = None if np.isnan(low).any() else (low, high)
        plots().depth_curve(layers, values, model=str(model), error=band, ax=ax)
        best = int(np.argmax(values))
        colour = plots().style(str(model))["color"]
        ax.plot(layers[best], values[best], "o", markersize=11, markerfacecolor="none", markeredgecolor=colour)
    ax.set_xlabel("Layer (0 = embedding); ring: best", fontsize=9)
    ax.set_ylabel("mIoU of a linear probe on patch tokens", fontsize=9)
    return ax


def miou_figure(table: pd.DataFrame) -> Figure:
    """The curves alone, from the table alone."""
    figure = Figure(figsize=CURVE, layout="constrained")
    curves(table, figure.subplots())
    return figure


def dense_figure(
    table: pd.DataFrame,
    pictures: Sequence[Float[np.ndarray, "row column 3"]],
    truths: Sequence[UInt8[np.ndarray, "row column"]],
    predictions: Mapping[str, Sequence[UInt8[np.ndarray, "row column"]]],
    classes: Sequence[str],
) -> Figure:
    """Curves beside rows of image, truth and the prediction of each model.

    Args:
        table: of `measurement.table_rows`.
        pictures: of the images that are shown, in 0 to 1.
        truths: their class numbers.
        predictions: class numbers by the title of their column.
        classes: names.
    """
    columns = 2 + len(predictions)
    strip = PICTURE * columns
    height = max(CURVE[1], (PICTURE + 0.08) * len(pictures) + 0.75)
    figure = Figure(figsize=(CURVE[0] + strip + 0.2, height), layout="constrained", dpi=150)
    parts: Any = figure.subfigures(1, 2, width_ratios=[CURVE[0], strip + 0.2])
    left, right = parts
    curves(table, left.subplots())
    _strip(right, pictures, truths, predictions, classes)
    return figure


def _strip(
    figure: SubFigure,
    pictures: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    predictions: Mapping[str, Sequence[np.ndarray]],
    classes: Sequence[str],
) -> None:
    panels = figure.subplots(len(pictures), 2 + len(predictions), squeeze=False)
    palette = _palette(len(classes))
    for row, axes in enumerate(panels):
        axes[0].imshow(pictures[row])
        for ax, mask in zip(axes[1:], [truths[row], *(masks[row] for masks in predictions.values())], strict=True):
            shown = np.where(mask == VOID, len(classes), mask)
            ax.imshow(shown, cmap=palette, vmin=0, vmax=len(classes), interpolation="nearest")
    for ax in panels.flat:
        ax.set_xticks([])
        ax.set_yticks([])
    for ax, title in zip(panels[0], ["image", "truth", *predictions]):
        ax.set_title(title, fontsize=LETTERS)
    present = _present([*truths, *(mask for masks in predictions.values() for mask in masks)], len(classes))
    handles = [Patch(facecolor=palette(number), edgecolor="0.6", label=classes[number]) for number in present[:NAMED]]
    look = {"ncols": min(5, len(handles)), "fontsize": LETTERS, "frameon": False}
    figure.legend(handles=handles, loc="outside lower center", **look)


def _present(masks: Sequence[np.ndarray], classes: int) -> list[int]:
    """Classes that are to be seen, the most frequent first."""
    counts = sum(np.bincount(mask[mask != VOID], minlength=classes) for mask in masks)
    return [int(number) for number in np.argsort(-np.asarray(counts), kind="stable") if np.asarray(counts)[number]]


def _palette(classes: int) -> ListedColormap:
    """A colour for each class, white for void pixels."""
    if classes <= len(COLOURS) + 1:
        return ListedColormap([GROUND, *COLOURS[: classes - 1], NOTHING])
    many = matplotlib.colormaps[MANY]
    return ListedColormap([GROUND, *(many(number % many.N) for number in range(classes - 1)), NOTHING])


def saved_figure(figure: Figure, folder: Path) -> Path:
    """Write the figure into a folder, whole or not at all."""
    path = folder / FIGURE
    with replacing(path) as part:
        figure.savefig(part, format="png")
    return path

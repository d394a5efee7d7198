"""Figures of a training: what was lost, and what the encoder became."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from matplotlib.figure import Figure

from study.atomic import replacing

from ..recipe import RECIPE, parsed
from .diagnostics import DIAGNOSTICS
from .log import LOG, PLACE
from .table import POSITION

LOSSES = "losses.png"
FIGURE = "diagnostics.png"
SPEED = ("grad_norm", "images_per_second", "momentum")  # of the log, not drawn
LABELS = {
    "loss": "Loss",
    "mim": "Loss, masked images",
    "contrastive": "Loss, contrastive",
    "accuracy": "Accuracy on training views",
    "lr": "Learning rate",
    "attention_distance": "Attention distance (px)",
    "attention_nmi": "Attention NMI",
    "token_similarity": "Cosine between tokens",
    "relative_log_amplitude": "Relative log amplitude (nats)",
}
NEIGHBOURS = {  # label, colour, line
    "knn_patches": ("mean of patches", "#E07B00", "--"),
    "knn_class_token": ("class token", "#0062A8", "-"),
}
PANEL = (3.3, 2.6)  # inches
LABEL, TICK = 9, 8  # points
DOTTED: dict[str, Any] = {"linewidth": 1.3, "markersize": 2.5}
BRIGHTEST = 0.92  # of viridis; its yellow end is lost on white
PARTS = {1e6: "Images seen (millions)", 1e3: "Images seen (thousands)", 1: "Images seen"}


def plot_run(folder: str | os.PathLike[str]) -> list[Path]:
    """Draw the log and the diagnostics of a training into its folder, `losses.png` and `diagnostics.png`.

    Args:
        folder: of the training; it may still be running.
    Returns:
        Paths of the figures; a table that is not there yet is left out.
    Raises:
        OSError: there is no such folder, or no table in it.
    """
    folder = Path(folder)
    drawn = [
        _saved(_titled(draw(pd.read_csv(folder / table)), folder), folder / name)
        for table, draw, name in ((LOG, losses_figure, LOSSES), (DIAGNOSTICS, diagnostics_figure, FIGURE))
        if (folder / table).is_file()
    ]
    if not drawn:
        raise FileNotFoundError(f"{folder} holds no {LOG} and no {DIAGNOSTICS}: give the folder of a training (--out)")
    return drawn


def _titled(figure: Figure, folder: Path) -> Figure:
    """The figure with the training's folder and method above it."""
    recipe = folder / RECIPE
    method = f" ({parsed(recipe.read_text(encoding='utf-8')).METHOD})" if recipe.is_file() else ""
    figure.suptitle(f"{folder.resolve().name}{method}", fontsize=10)
    return figure


def losses_figure(log: pd.DataFrame) -> Figure:
    """Loss, its parts and the learning rate over images seen, a panel each."""
    names = [name for name in log if name not in (*PLACE, *SPEED, "lr")]
    names += ["lr"] if "lr" in log else []
    figure, panels = _panels(len(names))
    for name, ax in zip(names, panels):
        unit, label = _unit(log[POSITION])
        ax.plot(log[POSITION] / unit, log[name], color="0.25" if name == "lr" else "#0062A8", linewidth=1.2)
        _dress(ax, label, LABELS.get(str(name), str(name)))
    return figure


def diagnostics_figure(table: pd.DataFrame) -> Figure:
    """One panel for each metric over images seen, a line for each depth; the neighbours' accuracy beside them."""
    metrics = [name for name in LABELS if name in set(table["metric"])]
    voted = [name for name in NEIGHBOURS if name in set(table["metric"])]
    figure, panels = _panels(len(metrics) + bool(voted))
    depths = sorted(table["depth"].unique())
    colours = _depth_colours(len(depths))
    for name, ax in zip(metrics, panels):
        _depth_lines(ax, table[table["metric"] == name], dict(zip(depths, colours.colors)), LABELS[name])
    if voted:
        _neighbour_lines(panels[len(metrics)], table, voted)
    _depth_scale(figure, panels, depths, colours)
    return figure


def _depth_lines(ax: Axes, rows: pd.DataFrame, colours: dict, ylabel: str) -> None:
    unit, label = _unit(rows[POSITION])
    for depth, line in rows.groupby("depth"):
        ax.plot(line[POSITION] / unit, line["value"], "o-", color=colours[depth], clip_on=False, **DOTTED)
    _dress(ax, label, ylabel)


def _neighbour_lines(ax: Axes, table: pd.DataFrame, names: Iterable[str]) -> None:
    for name in names:
        rows = table[table["metric"] == name]
        unit, label = _unit(rows[POSITION])
        text, colour, line = NEIGHBOURS[name]
        ax.plot(rows[POSITION] / unit, rows["value"], f"o{line}", color=colour, label=text, clip_on=False, **DOTTED)
        _dress(ax, label, "k-NN accuracy")
    ax.legend(fontsize=TICK, frameon=False)


def _depth_colours(count: int) -> ListedColormap:
    viridis: Colormap = matplotlib.colormaps["viridis"]
    return ListedColormap([viridis(BRIGHTEST * place / max(1, count - 1)) for place in range(count)])


def _depth_scale(figure: Figure, panels: Sequence[Axes], depths: Sequence[int], colours: ListedColormap) -> None:
    """A colour bar with one field for each depth."""
    norm = BoundaryNorm([depth - 0.5 for depth in (*depths, depths[-1] + 1)], len(depths))
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=list(panels), ticks=depths, aspect=30, pad=0.015)
    bar.set_label("Depth (0 = embedding)", fontsize=LABEL)
    bar.ax.tick_params(labelsize=TICK, length=0)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = 2 if count == 4 else min(3, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained", dpi=150)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.remove()
    return figure, list(axes[:count])


def _unit(images: Any) -> tuple[float, str]:
    """How many images one step of the axis is, and what it is called."""
    return next((unit, label) for unit, label in PARTS.items() if images.max() >= unit or unit == 1)


def _dress(ax: Axes, xlabel: str, ylabel: str) -> None:
    ax.set_xlim(0, max(1, ax.get_xlim()[1]))
    ax.set_xlabel(xlabel, fontsize=LABEL)
    ax.set_ylabel(ylabel, fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def _saved(figure: Figure, path: Path) -> Path:
    with replacing(path) as part:
        figure.savefig(part, format="png")
    return path

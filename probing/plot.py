"""Figures of a `probing.csv`, from the table alone; needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from study.atomic import replacing
from study.plots import plots

from .aggregation.figure import NAMES, poolings_figure
from .dense.drawing import miou_figure
from .evaluation.figures import frequency_figure, shape_bias_figure
from .table import read_results

PANEL = (3.6, 3.0)  # inches
LEAST = 5.5  # inches, for the note
ENTRY = 1.55  # inches of an entry of the legend
COLUMNS = 4
GRIDS = 3  # models side by side
HEADS = {"linear": "linear probe", "knn": "k-NN", "knn_plain": "k-NN, one vote each", "abmilp": "AbMILP"}
POOLINGS = {**NAMES, "tokens": "patch tokens"}
LETTERS = 8  # points
FEW = 3  # poolings, which a grid shows better
DARK = 0.6  # share of a colour map from which on letters are white

Draw = Callable[[pd.DataFrame], Figure | None]


def draw_results(path: Path) -> list[Path]:
    """Draw all figures that a table has the numbers for, beside it.

    Args:
        path: folder of a command's results, or its probing.csv.
    Returns:
        Paths of the figures; none where the table has no rows.
    Raises:
        OSError: there is no table, or the folder cannot be written to.
        ValueError: it is no such table, or of another version.
    """
    table = read_results(path)
    folder = path if path.is_dir() else path.parent
    drawn = []
    for name, (metrics, draw) in FIGURES.items():
        if not table["metric"].str.fullmatch(metrics).any():
            continue
        with plots().together(table["model"].unique()):
            figure = draw(table)
        if figure is not None:
            drawn.append(folder / name)
            with replacing(drawn[-1]) as part:
                figure.savefig(part, format="png", dpi=150)
    return drawn


def depth_figure(
    table: pd.DataFrame,
    *,
    title: str | None = None,
    chance: float | None = None,
    note: str | None = None,
    paper: Sequence[Mapping[str, Any]] = (),
) -> Figure | None:
    """Accuracy over layers: a panel for each head and pooling, a curve with its interval for each model.

    A ring marks the best layer of each curve. None where there is one layer.

    Args:
        table: as a command wrote it.
        title: of the figure.
        chance: accuracy of guessing, drawn as a line.
        note: the line below; None says what the bands are and how probes were trained.
        paper: published curves to lay behind the measured ones: model, head, pooling, layers, values (shares), label.
    """
    table = _of_heads(table)
    if table["layer"].nunique() < 2:
        return None
    pairs = _pairs(table)
    rows = -(-len(pairs) // COLUMNS)
    columns = -(-len(pairs) // rows)
    width = max(PANEL[0] * columns, LEAST)
    figure = Figure(figsize=(width, PANEL[1] * rows + 0.5 + 0.3 * bool(title)), layout="constrained")
    body: Any = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for ax, (head, pooling) in zip(axes, pairs):
        chosen = table[(table["head"] == head) & (table["pooling"] == pooling)]
        _paper(ax, [curve for curve in paper if (curve["head"], curve["pooling"]) == (head, pooling)])
        depth_panel(ax, chosen, chance=chance)
        ax.set_title(f"{HEADS[head]}, {POOLINGS.get(pooling, pooling)}", fontsize=10)
    for ax in axes[len(pairs) :]:
        ax.remove()
    for ax in axes[::columns]:
        ax.set_ylabel("Accuracy on test images (%)", fontsize=9)
    highest = max(ax.dataLim.y1 for ax in axes[: len(pairs)])
    axes[0].set_ylim(0, 1.05 * highest)
    named = {label: handle for ax in axes[: len(pairs)] for handle, label in zip(*ax.get_legend_handles_labels())}
    ncols = min(len(named), int(width / ENTRY))
    body.legend(named.values(), named.keys(), loc="outside upper center", ncols=ncols, frameon=False, fontsize=9)
    figure.suptitle(title) if title else None
    figure.supxlabel(_note(table) if note is None else note, fontsize=LETTERS, color="0.3")
    return figure


def depth_panel(ax: Axes, rows: pd.DataFrame, *, chance: float | None = None) -> Axes:
    """A curve over layers for each model, in per cent, with a ring around the highest value of each.

    Args:
        ax: to draw on; it has no legend afterwards.
        rows: of one head, pooling and metric, values as shares.
        chance: what guessing gives, drawn as a line.
    """
    for model in rows["model"].unique():
        own = rows[rows["model"] == model].sort_values("layer")
        _curve(ax, own, model)
        best = own.loc[own["value"].idxmax()]
        colour = plots().style(model)["color"]
        ax.plot(best["layer"], best["value"], "o", markersize=11, markerfacecolor="none", markeredgecolor=colour)
    if chance is not None:
        plots().reference_line(chance, f"chance, {100 * chance:.3g} %", ax=ax)
    if ax.get_legend() is not None:
        ax.get_legend().remove()
    ax.plot([], [], "o", markersize=11, markerfacecolor="none", markeredgecolor="0.3", label="best layer")
    ax.set_xlabel("Layer (0 = embedding)", fontsize=9)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    return ax


def _paper(ax: Axes, curves: Sequence[Mapping[str, Any]]) -> None:
    for curve in curves:
        plots().paper_curve(curve["layers"], curve["values"], curve["label"], model=curve["model"], ax=ax)


def grid_figure(table: pd.DataFrame) -> Figure | None:
    """Accuracy of layers (rows) under heads and poolings (columns), a panel for each model, in per cent.

    None where there is one layer.
    """
    table = _of_heads(table)
    if table["layer"].nunique() < 2:
        return None
    models, pairs = list(table["model"].unique()), _pairs(table)
    layers = sorted(table["layer"].unique())
    rows = -(-len(models) // GRIDS)
    columns = -(-len(models) // rows)
    size = (0.75 * len(pairs) * columns + 1.6, (0.28 * len(layers) + 1.8) * rows + 0.5)
    figure = Figure(figsize=(max(size[0], 5), size[1]), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    limits = table["value"].min(), table["value"].max()
    for ax, model in zip(axes, models):
        cells = _cells(table[table["model"] == model], layers, pairs)
        ax.imshow(cells, aspect="auto", cmap="Blues", vmin=limits[0], vmax=limits[1])
        _numbers(ax, cells, limits)
        ax.set_title(model, fontsize=10)
        names = [f"{HEADS[head]}\n{POOLINGS.get(pooling, pooling)}" for head, pooling in pairs]
        ax.set_xticks(range(len(pairs)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=LETTERS - 1)
        ax.set_yticks(range(len(layers)), [str(layer) for layer in layers], fontsize=LETTERS)
    for ax in axes[len(models) :]:
        ax.remove()
    for ax in axes[::columns]:
        ax.set_ylabel("Layer (0 = embedding)", fontsize=9)
    figure.suptitle("Accuracy on test images (%), bold: the best layer of a column", fontsize=10)
    return figure


def pooling_figure(table: pd.DataFrame) -> Figure | None:
    """All poolings of one layer of each model; None where a model has several layers, or few poolings."""
    table = _of_heads(table)
    one_layer = table.groupby("model")["layer"].nunique().eq(1).all()
    return poolings_figure(table) if one_layer and table["pooling"].nunique() > FEW else None


FIGURES: dict[str, tuple[str, Draw]] = {
    "depth.png": ("accuracy", depth_figure),
    "grid.png": ("accuracy", grid_figure),
    "poolings.png": ("accuracy", pooling_figure),
    "miou.png": ("miou", miou_figure),
    "shape_bias.png": ("shape_bias", shape_bias_figure),
    "frequency_noise.png": (r"accuracy_drop@.*", frequency_figure),
}
"""By file name: a metric that the table must have, as a regular expression, and who draws the figure of it."""


def _of_heads(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of heads on frozen features."""
    return table[(table["metric"] == "accuracy") & table["head"].isin(list(HEADS))]


def _pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(head, pooling) of the table, heads in the order of `HEADS`."""
    found = list(dict.fromkeys(zip(table["head"], table["pooling"])))
    return sorted(found, key=lambda pair: list(HEADS).index(pair[0]))


def _curve(ax: Axes, rows: pd.DataFrame, model: str) -> None:
    band = (rows["low"].to_numpy(), rows["high"].to_numpy())
    error = None if np.isnan(band[0]).any() else band
    plots().depth_curve(rows["layer"].to_numpy(), rows["value"].to_numpy(), model=model, error=error, ax=ax)


def _cells(rows: pd.DataFrame, layers: list[int], pairs: list[tuple[str, str]]) -> np.ndarray:
    """(layer, pair), NaN where there is no number."""
    wide = rows.pivot_table(index="layer", columns=["head", "pooling"], values="value")
    return wide.reindex(index=layers, columns=pd.MultiIndex.from_tuples(pairs)).to_numpy()


def _numbers(ax: Axes, cells: np.ndarray, limits: tuple[float, float]) -> None:
    best = [int(np.nanargmax(column)) if not np.isnan(column).all() else -1 for column in cells.T]
    span = max(limits[1] - limits[0], 1e-9)
    for (row, column), value in np.ndenumerate(cells):
        if not np.isnan(value):
            white = (value - limits[0]) / span > DARK
            bold = "bold" if row == best[column] else "normal"
            ax.text(
                column,
                row,
                f"{100 * value:.0f}",
                ha="center",
                va="center",
                fontsize=LETTERS - 1,
                color="white" if white else "0.15",
                fontweight=bold,
            )


def _note(table: pd.DataFrame) -> str:
    images = ", ".join(str(number) for number in sorted(table["images"].unique()))
    recipes = sorted({str(text).partition(":")[0] for text in table.loc[table["head"] == "linear", "recipe"]})
    trained = f" Linear probe: {', '.join(recipes)}." if recipes else ""
    return f"Bands: 95 % bootstrap intervals over {images} test images.{trained} Layer 0: embedding."

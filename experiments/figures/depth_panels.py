"""Panels of metrics over depth, a curve for each model with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from study.plots import plots

from ..measuring.depth_metrics import PAPER
from .model_curve import model_curve, without_legend
from .paper_curves import draw_paper_curve

LABELS = {
    "distance": "Attention distance (px)",
    "nmi": "Attention NMI",
    "token_similarity": "Token cosine similarity",
    "delta_log_amplitude": "Δ log amplitude (nats)",
}
FROM_ZERO = {"distance": 0.0, "nmi": 0.1}
"""Metrics whose axis begins at 0, and the least that it ends at: small differences of NMI must look small."""


def depth_panels(axes: Sequence[Axes], facts: dict[str, Any], summary: pd.DataFrame, models: Sequence[str]) -> None:
    """Draw the metrics of `LABELS`, each into its panel; the caller makes the legend from the first one.

    Args:
        axes: one for each metric.
        facts: of `experiments.measuring.depth_metrics`.
        summary: by `study.summary`.
        models: in the order of the legend.
    Raises:
        ValueError: the summary lacks a metric of a model.
    """
    for ax, (metric, label) in zip(axes, LABELS.items(), strict=True):
        for model in models:
            rows = summary[(summary["metric"] == metric) & (summary["model"] == model)]
            if rows.empty:
                raise ValueError(f"the table has no rows of model {model} for {label}: it is not that of an overview")
            model_curve(ax, rows, model, label)
            if metric in PAPER:
                draw_paper_curve(facts, PAPER[metric], model, ax=ax)
    _uniform_lines(axes[0], facts["layouts"])
    for ax, metric in zip(axes, LABELS, strict=True):
        without_legend(ax)
        if metric in FROM_ZERO:
            end = max(ax.get_ylim()[1], FROM_ZERO[metric])
            ax.set_ylim(-0.02 * end, end)  # so that a curve along 0 is seen whole


def _uniform_lines(ax: Axes, layouts: dict[str, Any]) -> None:
    """Distance of uniform attention, once for each grid."""
    grids = {(tuple(layout["grid"]), tuple(layout["patch_size"])) for layout in layouts.values()}
    for grid, size in sorted(grids):
        value = plots().uniform_distance(grid, size)
        where = f" ({grid[0]} x {grid[1]})" if len(grids) > 1 else ""
        plots().reference_line(value, f"uniform attention{where}, {value:.2f} px", ax=ax)
        if where:
            name_line(ax, value, f"{grid[0]} x {grid[1]}")


def name_line(ax: Axes, value: float, text: str) -> None:
    """Text at the right end of a horizontal line: lines of several grids look alike."""
    ax.annotate(text, (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7.5)

"""The plane of two accuracies: frozen under a linear probe, and fine-tuned."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from study.plots import plots

from ..stored.probe_and_finetune import PROBE, TUNED

LETTERS = 9  # points
BESIDE = ((8, 6), (-8, -6))  # points right and up of a cross: the upper one of two that are close has its label above
WORDS = 46  # letters in a line of a panel without numbers


def both(rows: pd.DataFrame) -> pd.DataFrame:
    """Models that have both accuracies, in per cent: columns value, low, high of either head, by model."""
    wide = rows.pivot(index="model", columns="head", values=["value", "low", "high"])
    needed = [("value", PROBE), ("value", TUNED)]
    if not set(needed) <= set(wide.columns):
        return wide.iloc[:0]
    order = [name for name in dict.fromkeys(rows["model"]) if name in wide.index]
    return 100 * wide.loc[order].dropna(subset=needed)


def plane_panel(ax: Axes, rows: pd.DataFrame, *, probe: str, labels: Mapping[str, str] | None = None) -> bool:
    """A cross of intervals for each model; whether there was any to draw.

    Args:
        ax: to draw on; it has no legend afterwards.
        rows: of `probe_and_finetune`.
        probe: which probe it is.
        labels: words beside points, by model.
    """
    points = both(rows)
    ranks = points["value", TUNED].rank(ascending=False, method="first").astype(int) if labels and len(points) else {}
    for model, point in points.iterrows():
        x, y = point["value", PROBE], point["value", TUNED]
        errors = {
            axis: np.nan_to_num([[value - point["low", head]], [point["high", head] - value]]).clip(min=0)
            for axis, head, value in (("xerr", PROBE, x), ("yerr", TUNED, y))
        }
        look = {key: value for key, value in plots().style(str(model)).items() if key != "linestyle"}
        ax.errorbar(x, y, linestyle="none", markersize=8, capsize=3, linewidth=1.3, **errors, **look)
        if labels and model in labels:
            right, up = BESIDE[(ranks[model] - 1) % len(BESIDE)]
            at = {"ha": "left" if right > 0 else "right", "va": "bottom" if up > 0 else "top"}
            said = ax.annotate(
                labels[str(model)], (x, y), (right, up), textcoords="offset points", fontsize=LETTERS, **at
            )
            said.set_path_effects([withStroke(linewidth=3, foreground="white")])  # readable across the crosses
    ax.set_xlabel(f"Linear probe, accuracy (%)\n{probe}", fontsize=LETTERS)
    ax.set_ylabel("Fine-tuned, accuracy (%)", fontsize=LETTERS)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
    ax.margins(0.18)
    return not points.empty


def what_to_do(facts: Mapping[str, Any]) -> list[str]:
    """Which commands make what is missing, probes or fine-tuning.

    Args:
        facts: of `probe_and_finetune`.
    """
    return [
        f"No {what}: run `python -m probing {command}` for these models and name its --out with --probing."
        for head, what, command in ((PROBE, "linear probes", "layers"), (TUNED, "fine-tuning", "finetune"))
        if facts["missing"][head]
    ]


def words_instead(ax: Axes, lines: Sequence[str]) -> None:
    """What is missing, where there is nothing to draw."""
    text = "\n\n".join(textwrap.fill(line, WORDS, break_long_words=False, break_on_hyphens=False) for line in lines)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=LETTERS - 1, color="0.3")
    ax.set_xticks([])
    ax.set_yticks([])


def paper_points(ax: Axes, published: Mapping[str, Mapping[str, Any]]) -> None:
    """The paper's own points, wide and faint in the colours of their models."""
    for model, curve in published.items():
        look = plots().style(model)
        faint = {"color": look["color"], "marker": look["marker"], "alpha": 0.3, "markersize": 14}
        ax.plot(curve["positions"], curve["values"], linestyle="none", label=curve["label"], **faint)

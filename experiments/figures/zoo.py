"""The zoo as a picture: four metrics over depth, and the share of right votes of the nearest neighbours."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from study.plots import plots

from ..findings import Findings
from .below import beneath
from .depth_panels import LABELS, depth_panels
from .direction import direction
from .model_curve import legend_of
from .paper_curves import paper_remark
from .where import where

SIZE = (15.0, 4.6)  # inches
BARS = {"knn_patches": ("mean of patches", 1.0), "knn_class_token": ("class token", 0.45)}  # and how solid


def zoo_figure(findings: Findings, summary: pd.DataFrame) -> Figure:
    """Draw the findings of `experiments.zoo`.

    Args:
        findings: their facts.
        summary: of the table `zoo`.
    """
    facts = findings.facts
    models = list(facts["layouts"])
    voted = summary[summary["metric"].isin(list(BARS))]
    figure = plt.figure(figsize=SIZE, layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(1, len(LABELS) + (not voted.empty))
    depth_panels(axes[: len(LABELS)], facts, summary, models)
    if not voted.empty:
        _votes(axes[-1], voted, models, facts["classes"])
    figure.suptitle(f"The zoo on {where(facts)}")
    body.legend(*legend_of(axes[: len(LABELS)]), loc="outside upper center", ncols=7, frameon=False)
    beneath(figure, facts, _note(facts, summary))
    return figure


def _note(facts: dict, summary: pd.DataFrame) -> str:
    bands = "bands and bars: 95 % bootstrap intervals over images" if facts["images"] > 1 else "a single image"
    how = f"Mean over heads, then over images; {bands}. Convention {facts['convention']}. Depth 0: embedding."
    return "\n".join(line for line in (how, paper_remark(facts), direction(summary)) if line)


def _votes(ax: Axes, voted: pd.DataFrame, models: list[str], classes: int) -> None:
    """A pair of bars for each model, with the line of chance."""
    height = 0.8 / len(BARS)
    for number, (metric, (label, alpha)) in enumerate(BARS.items()):
        rows = voted[voted["metric"] == metric].set_index("model").reindex(models)
        places = np.arange(len(models)) + (number - (len(BARS) - 1) / 2) * height
        errors = 100 * np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
        colours = [plots().style(model)["color"] for model in models]
        look: Any = {"color": colours, "alpha": alpha, "ecolor": "0.25"}
        bars: Any = ax.barh(places, 100 * rows["mean"], height, xerr=errors, label=label, **look)
        for part in bars.errorbar.get_children():
            part.set_path_effects([withStroke(linewidth=3, foreground="white")])  # seen on the darkest bars too
    ax.axvline(100 / classes, color="0.4", linestyle=":", linewidth=1)
    ax.set_yticks(range(len(models)), models, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("k-NN accuracy (%)")
    ax.set_title("solid: mean of patches, pale: class token\ndotted: chance", fontsize=8, color="0.3")
    ax.spines[["top", "right"]].set_visible(False)

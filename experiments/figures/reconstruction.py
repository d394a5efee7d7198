"""Reconstructions as a picture: photographs, masked and painted for each model, and the errors as bars."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.plots import plots

from ..findings import Findings
from .below import beneath
from .where import where

TILE = 0.95  # inches of a photograph
BARS = 4.8  # inches, width of the panel of errors
HEAD = 1.5  # inches of title and the lines below
ROWS = ("original", "masked", "painted")
KINDS = {
    "error": ("painted by the model", 1.0, ""),
    "visible_mean": ("mean colour of the visible patches", 0.45, "//"),
    "patch_mean": ("true mean of each hidden patch", 0.2, ".."),
}
"""Label of each metric, how solid its bar is, and its hatching."""

PAIRED = {"visible_mean": "visible_mean_excess", "patch_mean": "patch_mean_excess"}
"""By how much a baseline's error exceeds that of what was painted, image by image."""

ROOM = 1.6  # of the panel's width over the longest bar's: for the words beside it


def reconstruction_figure(findings: Findings, summary: Any) -> Figure:
    """Draw the findings of `experiments.reconstruction`.

    Args:
        findings: pictures and facts.
        summary: of their table.
    """
    facts = findings.facts
    models = list(facts["layouts"])
    across = TILE * len(facts["names"]) + 0.8
    size = (across + BARS, max(3 * TILE * len(models), 2.4) + 0.3 * len(models) + HEAD)
    figure = plt.figure(figsize=size, layout="constrained")
    figure.suptitle(f"What is painted behind the mask: {where(facts)}", fontsize=12)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[across, BARS]))
    for ax, model in zip(left.subplots(len(models), 1, squeeze=False).ravel(), models, strict=True):
        _photographs(ax, findings, model)
    ax = right.subplots()
    _bars(ax, facts, summary, models)
    right.legend(*ax.get_legend_handles_labels(), loc="outside upper center", frameon=False, fontsize=8.5)
    beneath(figure, facts, _note(facts))
    return figure


def _photographs(ax: Axes, findings: Findings, model: str) -> None:
    """Three rows of one model: original, masked, painted."""
    facts = findings.facts
    picture = np.asarray(findings.pictures[facts["pictures"][model]])
    ax.imshow(picture, interpolation="nearest")
    step = picture.shape[0] / len(ROWS)
    ax.set_yticks([(row + 0.5) * step for row in range(len(ROWS))], ROWS, fontsize=9)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"{model}: {100 * facts['masked'][model]:.3g} % masked", fontsize=10)


def _bars(ax: Axes, facts: dict[str, Any], summary: Any, models: list[str]) -> None:
    """A group of bars for each model: the error, and what costs nothing."""
    height = 0.8 / len(KINDS)
    for number, (metric, (label, alpha, hatch)) in enumerate(KINDS.items()):
        rows = summary[summary["metric"] == metric].set_index("model").reindex(models)
        if rows["mean"].isna().any():
            raise ValueError(f"the table has no {metric} of some model: it is not that of reconstruction")
        places, means = np.arange(len(models)) + (number - 1) * height, rows["mean"].to_numpy()
        ends = None if rows["low"].isna().any() else np.abs(rows[["low", "high"]].to_numpy().T - means)
        colours = [plots().style(model)["color"] for model in models]
        look: dict[str, Any] = {"alpha": alpha, "hatch": hatch, "edgecolor": "white"}
        ax.barh(places, means, height, xerr=ends, color=colours, ecolor="0.25", capsize=2, **look)
        for place, (model, row) in zip(places, rows.iterrows(), strict=True):
            end = row["mean"] if np.isnan(row["high"]) else row["high"]
            said = f" {row['mean']:.3f}{_paired(summary, metric, model)}"
            ax.annotate(said, (end, place), va="center", fontsize=7.5, color="0.2")
        ax.barh([np.nan], [np.nan], color="0.3", label=label, **look)
    ax.set_yticks(range(len(models)), models, fontsize=9)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.set_xlim(0, ROOM * summary[summary["metric"].isin(list(KINDS))][["mean", "high"]].max().max())
    ax.set_xlabel("Mean squared error,\nmasked pixels (normalised)", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)


def _paired(summary: Any, metric: str, model: Any) -> str:
    """Lines on how far a baseline is from what the model painted; none of tables that do not know it."""
    rows = summary[(summary["metric"] == PAIRED.get(metric)) & (summary["model"] == model)]
    if rows.empty:
        return ""
    mean, low, high = rows[["mean", "low", "high"]].iloc[0]
    side = "above" if mean >= 0 else "below"
    low, high = (low, high) if mean >= 0 else (-high, -low)
    ends = "" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]"
    return f"\n {abs(mean):.3f}{ends}\n {side} the painted"


def _note(facts: dict[str, Any]) -> str:
    bars = "Bars: mean over images" + (" with 95 % bootstrap intervals" if facts["images"] > 1 else "")
    bars += "; beside a baseline how far its error is from that of what was painted, image by image"
    seen = f"masks from seed {facts['seed']}; visible patches of the painted rows are the original's."
    named = ", ".join(facts["normalised"])
    leak = f" {named} paints pixels normalised within each patch, put back with the true patch's mean and deviation, "
    leak += "which gives the patch's mean away."
    other = " Shares of masked patches differ, so compare each model with its own bars, not models with each other."
    differ = len({round(share, 2) for share in facts["masked"].values()}) > 1
    return f"{bars}; {seen}{leak if named else ''}{other if differ else ''}"

"""Behaviour as a picture: the plane of probe and fine-tuning, and accuracy against size where there are sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from study.plots import plots

from ..stored.probe_and_finetune import CHOSEN, PROBE, TUNED
from .below import beneath
from .model_curve import legend_of
from .plane import LETTERS, both, paper_points, plane_panel, what_to_do, words_instead
from .where import where

PANEL = 5.2  # inches
MILLION = 1e6
NAMES = {TUNED: "Fine-tuned", PROBE: "Linear probe"}


def behaviour_figure(rows: pd.DataFrame, facts: Mapping[str, Any]) -> Figure:
    """Draw the findings of `experiments.behaviour`.

    Args:
        rows: of `probe_and_finetune`.
        facts: of the findings; `sized` is the head of the second panel, or None.
    """
    count = 1 + (facts["sized"] is not None)
    figure = Figure(figsize=(max(PANEL * count, 7), PANEL + 1.2), layout="constrained")
    body: Any = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(1, count, squeeze=False)[0]
    paper_points(axes[0], facts["published"])
    if not plane_panel(axes[0], rows, probe=facts["probe"]):
        words_instead(axes[0], ["No model has both a probe and a fine-tuning.", *what_to_do(facts)])
    if facts["sized"] is not None:
        _sizes(axes[1], rows[rows["head"] == facts["sized"]].dropna(subset=["parameters"]), facts)
    handles, labels = legend_of(axes)
    handles = [handle[0] if isinstance(handle, ErrorbarContainer) else handle for handle in handles]  # without crosses
    columns = min(len(labels), 3 * count)
    if labels:
        body.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9)
    figure.suptitle(f"Frozen and fine-tuned: {where(facts)}")
    crosses = "Crosses: 95 % bootstrap intervals over test images."
    beneath(figure, facts, f"{crosses} Best probe: {CHOSEN}.{_unpaired(rows)}")
    return figure


def _sizes(ax: Axes, rows: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Accuracy over the number of parameters; sizes of one method are joined."""
    for _, own in rows.groupby(rows["model"].map(facts["methods"]), sort=False):
        own = own.sort_values("parameters")
        line = {
            key: value for key, value in plots().style(own["model"].iloc[0]).items() if key in ("color", "linestyle")
        }
        ax.plot(own["parameters"] / MILLION, 100 * own["value"], linewidth=1.4, **line)
        for _, row in own.iterrows():
            look = {key: value for key, value in plots().style(row["model"]).items() if key != "linestyle"}
            ends = [[100 * (row["value"] - row["low"])], [100 * (row["high"] - row["value"])]]
            ax.errorbar(
                row["parameters"] / MILLION,
                100 * row["value"],
                yerr=ends,
                linestyle="none",
                markersize=8,
                capsize=3,
                **look,
            )
    ax.set_xscale("log")
    ax.set_xlabel("Parameters (millions)", fontsize=LETTERS)
    ax.set_ylabel(f"{NAMES[facts['sized']]}, accuracy (%)", fontsize=LETTERS)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)


def _unpaired(rows: pd.DataFrame) -> str:
    """Models that are not in the plane, as one of their numbers is missing."""
    shown = set(both(rows).index)
    alone = [str(name) for name in dict.fromkeys(rows["model"]) if name not in shown]
    return f"\nNot in the plane, for want of one of both: {', '.join(alone)}." if alone else ""

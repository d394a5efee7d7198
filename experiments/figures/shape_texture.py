"""Shape and texture as a picture: clean beside shifted accuracy of every model, and decisions on cue conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from probing.evaluation.figures import shape_bias_panel
from study.plots import plots

from ..stored.panels_of_heads import panels_of_heads, title_of
from .below import beneath
from .where import where

WIDTH = 4.8  # inches of a panel
ROW = 0.48  # inches of a model
CUE_CONFLICT = 5.0  # inches, height of the panel of classes
LETTERS = 9  # points
SHIFT = 0.13  # of a row, by which clean stands above and shifted below


def shape_texture_figure(rows: pd.DataFrame, conflicts: pd.DataFrame, facts: Mapping[str, Any]) -> Figure:
    """A panel for each kind of classifier, and one for cue-conflict images where there are any.

    Args:
        rows: of `python -m probing shifted`.
        conflicts: of `python -m probing shape-bias`.
        facts: of the findings.
    """
    parts, bias = panels_of_heads(rows), panels_of_heads(conflicts)[:1]
    models = list(facts["layouts"])
    height = max(ROW * len(models) + 0.9, CUE_CONFLICT if bias else 0)
    figure = Figure(figsize=(max(WIDTH * (len(parts) + len(bias)), 8), height + 1.9), layout="constrained")
    body: Any = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(1, len(parts) + len(bias), squeeze=False)[0]
    for ax, part in zip(axes, parts):
        _clean_and_shifted(ax, part, [model for model in models if model in set(part["model"])], facts["classes"])
        ax.set_title(title_of(part), fontsize=LETTERS + 1)
    for ax, part in zip(axes[len(parts) :], bias):
        shape_bias_panel(ax, part[part["metric"] != "neither"])
        ax.set_title(f"{title_of(part)}, {', '.join(facts['cues'])}", fontsize=LETTERS + 1)
    _legend(body, facts["classes"], shifted=bool(parts))
    what = where(facts) if parts else ", ".join(facts["cues"])
    figure.suptitle(f"Shape or texture: {what}")
    beneath(figure, facts, _note(facts, shifted=bool(parts)))
    return figure


def _clean_and_shifted(ax: Axes, rows: pd.DataFrame, models: Sequence[str], classes: int | None) -> None:
    """A line for each model: accuracy on clean and on shifted images, with the ratio in words at its end."""
    for place, model in enumerate(models):
        own = rows[rows["model"] == model].set_index("metric")
        look = plots().style(model)
        for metric, shift, filled in (("accuracy", -SHIFT, False), ("accuracy_shifted", SHIFT, True)):
            value, low, high = (100 * float(own.loc[metric, name]) for name in ("value", "low", "high"))
            ax.hlines(place + shift, low, high, color=look["color"], linewidth=1.4)
            face = look["color"] if filled else "white"
            marker = {"marker": look["marker"], "markeredgecolor": look["color"], "markerfacecolor": face}
            ax.plot(value, place + shift, linestyle="none", markersize=7, **marker)
        _ratio(ax, place, own.loc["relative_accuracy"])
    if classes is not None:
        ax.axvline(100 / classes, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), zorder=1)
    ax.set_yticks(range(len(models)), models, fontsize=LETTERS)
    ax.set_ylim(len(models) - 0.4, -0.6)
    highest = 100 * float(np.nanmax(rows.loc[rows["metric"] == "accuracy", ["value", "high"]].to_numpy()))
    ax.set_xlim(0, 1.75 * highest)
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= 1.1 * highest])
    ax.set_xlabel("Accuracy on test images (%)", fontsize=LETTERS)
    at: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right", "fontsize": LETTERS - 1, "color": "0.3"}
    ax.text(0.99, -0.45, "kept (95 % interval)", va="center", **at)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="0.92")
    ax.set_axisbelow(True)


def _ratio(ax: Axes, place: int, kept: pd.Series) -> None:
    """What share of the clean accuracy is left."""
    value, low, high = (100 * float(kept[name]) for name in ("value", "low", "high"))
    ends = "" if np.isnan(low) else f" ({low:.0f} to {high:.0f})"
    text = f"{value:.0f} %{ends}"
    ax.text(0.99, place, text, transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=LETTERS)


def _legend(figure: Any, classes: int | None, *, shifted: bool) -> None:
    if not shifted:
        return
    plain: dict[str, Any] = {"linestyle": "none", "marker": "o", "markeredgecolor": "0.3", "markersize": 7}
    handles = [
        Line2D([], [], markerfacecolor="white", label="clean (open, upper)", **plain),
        Line2D([], [], markerfacecolor="0.3", label="textures randomised or shifted (filled, lower)", **plain),
    ]
    if classes is not None:
        chance = f"chance, {100 / classes:.3g} %"
        handles.append(Line2D([], [], color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), label=chance))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=LETTERS)


def _note(facts: Mapping[str, Any], *, shifted: bool) -> str:
    lines = ["Lines: 95 % bootstrap intervals over images."]
    if shifted:
        lines[0] += " Kept: accuracy on shifted images over that on clean ones; guessing keeps some of it too."
        lines += facts["shift"]
    return "\n".join(lines)

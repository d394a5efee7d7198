"""Token transformation as a picture: clouds before and after self-attention, and what it changes over depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from study.plots import plots

from ..findings import Findings
from ..token_transformation import FITTED
from .below import beneath
from .model_curve import VALUE, legend_above, model_curve, without_legend
from .square import square
from .where import short

PANEL = 2.7  # inches
CURVES = 3.2
BESIDE = 14  # letters of a model's name that stand beside depth and images in one line
WIDTH = 11.0  # at least
MARKERS = "o^"
LABELS = {
    "within": ("Spread within an image, after / before", 1.0, "no change"),
    "between": ("Distance between images, after / before", 1.0, "no change"),
    "common": ("Common share of tokens' movement", None, ""),
}


def transformation_figure(findings: Findings) -> Figure:
    """Draw the findings of `experiments.token_transformation`: a row of clouds for each model, curves below.

    Args:
        findings: with the tables `token-transformation`, `clouds` and `axes`.
    """
    facts = findings.facts
    models = list(facts["layouts"])
    columns = max(len(depths) for depths in facts["depths"].values()) * len(facts["shown"])
    width, height = max(WIDTH, PANEL * columns + 0.6), PANEL * len(models)
    figure = plt.figure(figsize=(width, height + CURVES + 1.4), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[height + 0.3, CURVES + 0.3], hspace=0.02)
    upper, lower = parts
    figure.suptitle(f"Tokens before and after self-attention: {', '.join(facts['shown'].values())}", fontsize=12)
    _clouds(upper, findings, models, columns)
    _curves(lower, findings.tables["token-transformation"], models, width)
    beneath(figure, facts, _note(facts))
    return figure


def _clouds(figure: SubFigure, findings: Findings, models: list[str], columns: int) -> None:
    facts = findings.facts
    axes: Any = figure.subplots(len(models), columns, squeeze=False)
    for row, model in zip(axes, models, strict=True):
        counts = range(1, len(facts["shown"]) + 1)
        panels = [(depth, count) for depth in facts["depths"][model] for count in counts]
        for ax, (depth, count) in zip(row, panels):
            _cloud(ax, findings, model, depth, count)
            gap = "\n" if len(model) > BESIDE else " "
            ax.set_title(f"{model},{gap}depth {depth}, {('one image', 'two images')[count - 1]}", fontsize=9, pad=3)
        for ax in row[len(panels) :]:
            ax.remove()
    handles, labels = max((ax.get_legend_handles_labels() for ax in axes[0]), key=lambda entries: len(entries[1]))
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9, markerscale=1.6)


def _cloud(ax: Any, findings: Findings, model: str, depth: int, count: int) -> None:
    rows: Any = _of(findings.tables["clouds"], model, depth, count)
    for number, (image, own) in enumerate(rows.groupby("image", sort=True)):
        before, after = (
            own[own["after"] == when].sort_values("token")[["component_1", "component_2"]].to_numpy() for when in (0, 1)
        )
        label = findings.facts["shown"][str(image)]
        plots().token_cloud(before, after, marker=MARKERS[number], label=label, ax=ax)
    ax.get_legend().remove()  # the figure has one for all
    square(ax)
    shares = _of(findings.tables["axes"], model, depth, count).set_index("component")["share"]
    ax.set_xlabel(f"Component 1 ({shares[1]:.0%})", fontsize=8, labelpad=1)
    ax.set_ylabel(f"Component 2 ({shares[2]:.0%})", fontsize=8, labelpad=1)
    ax.tick_params(labelsize=7)


def _of(table: Any, model: str, depth: int, count: int) -> pd.DataFrame:
    return table[(table["model"] == model) & (table["depth"] == depth) & (table["images"] == count)]


def _curves(figure: SubFigure, table: Any, models: list[str], width: float) -> None:
    axes = figure.subplots(1, len(LABELS))
    for ax, (metric, (label, line, meaning)) in zip(axes, LABELS.items(), strict=True):
        for model in models:
            rows = table[(table["model"] == model) & (table["metric"] == metric)]
            if rows["value"].notna().all():
                model_curve(ax, rows, model, label, columns=VALUE)
        if line is not None:
            plots().reference_line(line, meaning, ax=ax)
        without_legend(ax)
        if len(ax.lines) < 2 and line is not None:
            ax.text(0.5, 0.5, "needs two images", transform=ax.transAxes, ha="center", va="bottom", color="0.3")
    axes[-1].set_ylim(0, 1.02)
    legend_above(figure, axes[0].get_legend_handles_labels(), width, letters=9)


def _note(facts: Mapping[str, Any]) -> str:
    count = f"means over {facts['measured']} images" if facts["measured"] > 1 else "a single image"
    bands = "; bands: 95 % bootstrap intervals over images" if facts["measured"] > 1 else ""
    return (
        f"Clouds: patch tokens of the residual stream, without norm, in units of the tokens; crosses: centres.\n"
        f"Axes: one centred SVD of each panel's tokens {FITTED[facts['basis']]} attention; in brackets their share of "
        f"the variance of these.\nCurves: {count} ({short(facts['data'])}){bands}. Common share: 1 where "
        "all tokens of an image are moved alike, however little."
    )

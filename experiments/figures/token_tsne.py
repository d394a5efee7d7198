"""t-SNE of tokens as a picture: the planes of all models, and how pure images and classes are over depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from study.plots import plots

from ..findings import Findings
from ..tokens.purity import CLASS, IMAGE
from .below import beneath
from .model_curve import VALUE, legend_above, model_curve, without_legend
from .square import square
from .where import short

PANEL = 3.3  # inches
COLUMNS = 3
CURVES = 3.1
WIDTH = 9.5  # at least
LABELS = {
    IMAGE: "Nearest token: share of same image",
    CLASS: "Nearest of other images: same class",
}


def tsne_figure(findings: Findings) -> Figure:
    """Draw the findings of `experiments.token_tsne`.

    Args:
        findings: with the tables `token-tsne` and `purity_mean`.
    """
    facts = findings.facts
    panels = [(model, depth) for model in facts["layouts"] for depth in facts["depths"][model]]
    columns = _columns(facts, len(panels))
    rows = -(-len(panels) // columns)
    width = max(WIDTH, PANEL * columns)
    figure = plt.figure(figsize=(width, (PANEL + 0.25) * rows + CURVES + 1.5), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[(PANEL + 0.25) * rows + 0.3, CURVES + 0.3], hspace=0.02)
    upper, lower = parts
    kinds = "each its own colour" if facts["classes_are_images"] else f"of {len(facts['classes'])} classes"
    figure.suptitle(f"t-SNE of the patch tokens of {len(facts['shown'])} images, {kinds}", fontsize=12)
    _planes(upper, findings, panels, rows, columns)
    _curves(lower, findings, width)
    beneath(figure, facts, _note(facts))
    return figure


def _columns(facts: Mapping[str, Any], panels: int) -> int:
    """A row for each model where several depths are shown, else three models in a row."""
    depths = max(len(depths) for depths in facts["depths"].values())
    return depths if depths > 1 and len(facts["layouts"]) > 1 else min(panels, COLUMNS)


def _planes(figure: SubFigure, findings: Findings, panels: list[tuple[str, int]], rows: int, columns: int) -> None:
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    flat = axes.ravel()
    for ax, (model, depth) in zip(flat, panels):
        _plane(ax, findings, model, depth)
    for ax in flat[len(panels) :]:
        ax.remove()
    handles, labels = flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=6, frameon=False, fontsize=9, markerscale=2.5, handlelength=1
    )


def _plane(ax: Any, findings: Findings, model: str, depth: int) -> None:
    table, means = findings.tables["token-tsne"], findings.tables["purity_mean"]
    rows: Any = table[(table["model"] == model) & (table["depth"] == depth)]
    found: Any = means[(means["model"] == model) & (means["depth"] == depth) & (means["metric"] == IMAGE)]
    value, low, high = found[["value", "low", "high"]].iloc[0]
    title = f"{model}, depth {depth}\nsame image nearest: {value:.0%} [{low:.0%}, {high:.0%}]"
    plots().token_scatter(rows[["x", "y"]], rows["label"], names=findings.facts["classes"], ax=ax, title=title)
    ax.get_legend().remove()
    square(ax)


def _curves(figure: SubFigure, findings: Findings, width: float) -> None:
    table: Any = findings.tables["purity_mean"]
    metrics = [metric for metric in LABELS if (table["metric"] == metric).any()]
    axes: Any = figure.subplots(1, len(metrics), squeeze=False)
    for ax, metric in zip(axes[0], metrics, strict=True):
        _curve(ax, table[table["metric"] == metric], list(findings.facts["layouts"]), LABELS[metric])
    legend_above(figure, axes[0, 0].get_legend_handles_labels(), width, letters=9)


def _curve(ax: Axes, table: Any, models: list[str], label: str) -> None:
    for model in models:
        model_curve(ax, table[table["model"] == model], model, label, columns=VALUE)
    plots().reference_line(table["chance"].mean(), "tokens without structure", ax=ax)
    ax.set_ylim(0, 1.02)
    without_legend(ax)


def _note(facts: Mapping[str, Any]) -> str:
    return (
        f"Images of {short(facts['data'])}. Patch tokens of block outputs, without norm; perplexity "
        f"{facts['perplexity']:g}, seed {facts['seed']}.\nOf a t-SNE only neighbourhoods mean something, no sizes and "
        "no distances. Shares are of the representation itself, not of the plane;\nbands and brackets: 95 % bootstrap "
        "intervals over the images shown. Depth 0: embedding."
    )

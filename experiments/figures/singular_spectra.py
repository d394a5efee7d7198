"""Singular spectra as a picture: spectra of several depths for each model, two ranks over depth for all models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from study.plots import plots

from ..findings import Findings
from .below import beneath
from .model_curve import legend_of, model_curve, without_legend
from .where import where

LEVELS = {"tokens": "Token level", "images": "Image level"}
BESIDE = 3  # models beside each other; more stand in further rows
PANEL = 3.0  # inches, width of a panel
ROW = 2.9
HEAD = 1.3  # inches of title and the lines below
JACKKNIFE = "jackknife over groups of images (conservative: in simulation 1.4 to 3 times as wide as the values vary)"


def spectra_figure(findings: Findings) -> Figure:
    """Draw the findings of `experiments.singular_spectra`.

    Args:
        findings: of `measure`, or read back.
    """
    facts, models = findings.facts, list(findings.facts["layouts"])
    blocks = -(-len(models) // BESIDE)
    beside = -(-len(models) // blocks)
    ranks = max(map(len, facts["ranks"].values()))
    rows = len(facts["ranks"]) * blocks
    size = (PANEL * beside + 1.15 * PANEL * ranks, ROW * rows + HEAD)
    figure = plt.figure(figsize=size, layout="constrained")
    figure.suptitle(_title(facts), fontsize=12)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[beside, 1.15 * ranks]))
    _spectra(left, findings, models, blocks, beside)
    _ranks(right, findings, models)
    beneath(figure, facts, _note(facts))
    return figure


def _title(facts: dict[str, Any]) -> str:
    what = "relative to depth 0, " if facts["relative"] else ""
    return f"Singular values of the covariance, {what}{where(facts)}"


def _note(facts: dict[str, Any]) -> str:
    tokens = "Token level: of the patch tokens of one image, mean over images of the logarithms."
    images = " Image level: over images, of the mean patch token." if "images" in facts["ranks"] else ""
    bands = "Bands: 95 %, bootstrap over images" + (f", {JACKKNIFE}." if images else ".")
    stream = "Block outputs without the last norm; depth 0: embedding. Ranks that rounding hides are not drawn."
    return f"{tokens}{images} {bands if facts['images'] > 1 else 'A single image.'} {stream}{_few(facts)}"


def _few(facts: dict[str, Any]) -> str:
    """That the image level is biased, where it is; nothing of results that do not know."""
    channels = facts.get("few_for")
    if channels is None:
        return ""
    return (
        f" Image level of {facts['images']} images for {channels} channels: small values come out too small, which the "
        "bands do not contain; compare models on the same images only."
    )


def _column(facts: dict[str, Any]) -> tuple[str, str]:
    """Column of the table that is drawn, and what stands at the axis."""
    if facts["relative"]:
        return "relative", "Log singular value\nless that of depth 0"
    return "value", "Log singular value"


def _spectra(figure: SubFigure, findings: Findings, models: Sequence[str], blocks: int, beside: int) -> None:
    """A row of panels for each level and block of models; panels of a level share their vertical axis."""
    facts = findings.facts
    levels = list(facts["ranks"])
    axes = figure.subplots(len(levels) * blocks, beside, squeeze=False)
    for number, level in enumerate(levels):
        panels = axes[number * blocks : (number + 1) * blocks].ravel()
        for ax, model in zip(panels, models, strict=False):
            _spectrum(ax, findings, model, level)
        _share_height(list(panels[: len(models)]))
        for ax in panels[len(models) :]:
            ax.set_axis_off()


def _spectrum(ax: Axes, findings: Findings, model: str, level: str) -> None:
    """Spectra of the chosen depths of one model, with the ranks of the curves as dotted lines."""
    facts = findings.facts
    table: Any = findings.tables["singular-spectra"]
    column, label = _column(facts)
    chosen = table[(table["model"] == model) & (table["level"] == level) & table["depth"].isin(facts["drawn"][model])]
    wide = chosen.pivot(index="depth", columns="rank", values=column)
    wide = wide.reindex(columns=range(1, int(chosen["rank"].max()) + 1))
    plots().spectrum(wide.to_numpy(), model=model, depths=wide.index.to_numpy(), ax=ax)
    ax.set_title(f"{LEVELS[level]}: {model}", fontsize=9)
    ax.set_ylabel(label, fontsize=9)
    for rank in facts["ranks"][level]:
        ax.axvline(rank, color="0.6", linewidth=0.7, linestyle=":", zorder=0)


def _share_height(panels: Sequence[Axes]) -> None:
    low, high = np.array([ax.get_ylim() for ax in panels]).T
    for ax in panels:
        ax.set_ylim(low.min(), high.max())


def _ranks(figure: SubFigure, findings: Findings, models: Sequence[str]) -> None:
    """A panel for each level and rank, all models in it; one legend above."""
    facts = findings.facts
    table: Any = findings.tables["over_depth"]
    levels = facts["ranks"]
    axes = figure.subplots(len(levels), max(map(len, levels.values())), squeeze=False)
    for row, (level, ranks) in zip(axes, levels.items(), strict=True):
        for ax, rank in zip(row, ranks, strict=False):
            _over_depth(ax, table[(table["level"] == level) & (table["rank"] == rank)], models, facts)
            ax.set_title(f"{LEVELS[level]}: rank {rank}", fontsize=9)
        for ax in row[len(ranks) :]:
            ax.set_axis_off()
    figure.legend(*legend_of(axes.ravel()), loc="outside upper center", ncols=3, frameon=False, fontsize=9)


def _over_depth(ax: Axes, table: Any, models: Sequence[str], facts: dict[str, Any]) -> None:
    column, label = _column(facts)
    low, high = ("relative_low", "relative_high") if facts["relative"] else ("low", "high")
    for model in models:
        rows = table[(table["model"] == model) & table[column].notna()]
        model_curve(ax, rows, model, label, columns=(column, low, high))
    ax.set_xlim(-0.4, max(layout["depth"] for layout in facts["layouts"].values()) + 0.4)
    if ax.get_legend() is None:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "not above rounding at depth 0", ha="center", transform=ax.transAxes, fontsize=9, color="0.3")
    without_legend(ax)

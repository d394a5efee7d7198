"""The hybrid as a picture: the plane of probe and fine-tuning, NMI over depth, high frequencies over depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..findings import Findings
from ..hybrid import PLANE
from .below import beneath
from .depth_curves import Panel
from .model_curve import legend_above, model_curve, without_legend
from .plane import plane_panel, what_to_do, words_instead
from .where import where

PANELS = (Panel("nmi", "Attention NMI", from_zero=True), Panel("delta_log_amplitude", "Δ log amplitude (nats)"))
SIZE = (13.5, 4.9)  # inches


def hybrid_figure(findings: Findings, summary: pd.DataFrame) -> Figure:
    """Draw the findings of `experiments.hybrid`.

    Args:
        findings: with the table `plane`.
        summary: of the table `hybrid`.
    """
    facts = findings.facts
    figure = plt.figure(figsize=SIZE, layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(1, 3)
    _plane(axes[0], findings.tables[PLANE], facts)
    for ax, panel in zip(axes[1:], PANELS):
        for model in facts["layouts"]:
            rows = summary[(summary["metric"] == panel.metric) & (summary["model"] == model)]
            model_curve(ax, rows, model, panel.label)
        without_legend(ax)
        if panel.from_zero:
            ax.set_ylim(bottom=0)
    handles, labels = axes[1].get_legend_handles_labels()
    named = [_named(label, facts["lambdas"]) for label in labels]
    legend_above(body, (handles, named), SIZE[0])
    figure.suptitle(f"Hybrid of masked (λ = 0) and contrastive (λ = 1) learning: {where(facts)}")
    beneath(figure, {**facts, "differing": facts["plane"].get("differing", ())}, _note(facts))
    return figure


def _plane(ax: Axes, rows: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    known = facts["plane"]
    labels = {model: f"λ = {weight:g}" for model, weight in facts["lambdas"].items()}
    if plane_panel(ax, rows, probe=known["probe"], labels=labels):
        return
    words_instead(ax, ["Nothing to draw here yet.", *what_to_do(known)])


def _named(model: str, weights: Mapping[str, float]) -> str:
    return f"{model} (λ = {weights[model]:g})" if model in weights else model


def _note(facts: Mapping[str, Any]) -> str:
    known = facts["plane"]
    tested = f" Left: {where(known)}, crosses are 95 % bootstrap intervals." if known["images"] else ""
    bands = "bands: 95 % bootstrap intervals over images" if facts["images"] > 1 else "a single image"
    said = f"Middle, right: mean over heads, then over images; {bands}. Convention {facts['convention']}."
    return f"{said} Depth 0: embedding.{tested}"

"""Metrics over depth as a figure: a panel for each, a curve with its interval for each model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.plots import plots

from ..findings import Findings
from .below import beneath
from .depth_panels import name_line
from .model_curve import legend_above, legend_of, model_curve, without_legend
from .paper_curves import draw_paper_curve, paper_remark
from .where import where

SIZE = (4.2, 3.7)  # inches of a panel
COLUMNS = 4
BESIDE = 15  # letters of a model's name that fit beside it in the narrowest figure

Uniform = Callable[[Mapping[str, Any]], float | None]
"""From a model's layout, as `known_facts` gives it, to the value of uniform attention; None where it is not known."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One metric over depth.

    Attributes:
        metric: its name in the table.
        label: of the axis, with the unit.
        paper: name of the metric in `study.published`, where the paper's own curve is known.
        from_zero: whether the axis begins at 0.
        uniform: value of uniform attention, drawn as a line.
        logarithmic: whether the axis is.
    """

    metric: str
    label: str
    paper: str | None = None
    from_zero: bool = False
    uniform: Uniform | None = None
    logarithmic: bool = False


def curves_figure(title: str, panels: Sequence[Panel], findings: Findings, summary: pd.DataFrame) -> Figure:
    """A panel for each metric: a curve with its interval for each model, reference lines, the paper's own curve.

    Args:
        title: what is shown.
        panels: in order.
        findings: of `measure`, or read back.
        summary: of their table.
    Raises:
        ValueError: the summary lacks a metric.
    """
    facts, models = findings.facts, list(findings.facts["layouts"])
    rows = -(-len(panels) // COLUMNS)
    columns = -(-len(panels) // rows)
    width = max(SIZE[0] * columns, 1.35 * len(models) + 1, 5.8 if max(map(len, models)) > BESIDE else 5.0)
    figure = plt.figure(figsize=(width, SIZE[1] * rows + 0.9), layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(rows, columns, squeeze=False).ravel()
    for ax, panel in zip(axes, panels):
        _draw(ax, panel, facts, summary, models)
    for ax in axes[len(panels) :]:
        ax.remove()
    figure.suptitle(f"{title}: {where(facts)}")
    legend_above(body, legend_of(axes[: len(panels)]), width)
    beneath(figure, facts, _note(facts, summary))
    return figure


def _draw(ax: Axes, panel: Panel, facts: Mapping[str, Any], summary: pd.DataFrame, models: Sequence[str]) -> None:
    chosen = summary[summary["metric"] == panel.metric]
    if chosen.empty:
        raise ValueError(f"the table has no metric {panel.metric}; it has {', '.join(summary['metric'].unique())}")
    for model in models:
        rows = chosen[chosen["model"] == model]
        model_curve(ax, rows, model, panel.label)
        if panel.paper is not None and not rows.empty:
            draw_paper_curve(facts, panel.paper, model, ax=ax)
    if panel.uniform is not None:
        _uniform(ax, panel.uniform, facts["layouts"])
    without_legend(ax)
    if panel.from_zero:
        ax.set_ylim(bottom=0)
    if panel.logarithmic:
        ax.set_yscale("log")


def _uniform(ax: Axes, value: Uniform, layouts: Mapping[str, Any]) -> None:
    """What uniform attention would have, once for each grid."""
    known = {(*layout["grid"], value(layout)) for layout in layouts.values()}
    for rows, columns, level in sorted(known):
        if level is not None:
            plots().reference_line(level, f"uniform attention on {rows} x {columns} patches", ax=ax)
        if level is not None and len(known) > 1:
            name_line(ax, level, f"{rows} x {columns}")


def _note(facts: Mapping[str, Any], summary: pd.DataFrame) -> str:
    bands = "bands: 95 % bootstrap intervals over images" if facts["images"] > 1 else "a single image"
    conventions = [name for name in summary["convention"].unique() if name]
    said = f" Convention {', '.join(conventions)}." if conventions else ""
    embedding = " Depth 0: embedding." if (summary["depth"] == 0).any() else ""
    return f"Mean over heads, then over images; {bands}.{said}{embedding}{_stop(facts)} {paper_remark(facts)}".strip()


def _stop(facts: Mapping[str, Any]) -> str:
    """Where --until-precise ended."""
    known = facts.get("until_precise")
    if known is None:
        return ""
    goal = f"± {100 * known['share']:g} % of the metric's scale"
    if known["reached"]:
        return f" Stopped after {facts['images']} of {known['available']} images, all intervals within {goal}."
    return f" Not all intervals are within {goal}."

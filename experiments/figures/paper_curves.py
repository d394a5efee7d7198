"""The paper's own curves beside ours, drawn from the facts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from study.plots import plots


def draw_paper_curve(facts: Mapping[str, Any], metric: str, model: str, *, ax: Axes) -> None:
    """The paper's curve, wide and faint in the model's colour, named in the legend; nothing where there is none.

    Args:
        facts: of the findings, with those of `paper_curves`.
        metric: as `study.published` names it.
        model: as the figure shows it.
        ax: where to draw.
    """
    known = facts.get("published", {}).get(metric, {}).get(model)
    if known is not None:
        plots().paper_curve(known["positions"], known["values"], known["label"], model=model, ax=ax)


def paper_remark(facts: Mapping[str, Any]) -> str:
    """A sentence for the line below a figure: what is drawn faintly, and how well it was read; empty without any."""
    metrics = facts.get("published", {})
    read = [f"{metric.replace('_', ' ')} ±{tolerance:g}" for metric, tolerance in _tolerances(metrics)]
    return f"Wide and faint: the paper's own curves, read off to {', '.join(read)}." if read else ""


def _tolerances(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(metric, max(curve["tolerance"] for curve in known.values())) for metric, known in metrics.items()]

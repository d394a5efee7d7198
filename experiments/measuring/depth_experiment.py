"""Experiments that show metrics over depth: one pass of each model, paired differences, a panel for each metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from ..figures.depth_curves import Panel, curves_figure
from ..findings import Findings
from .depth_metrics import measured
from .differences import DIFFERENCES, paired_differences
from .paper_curves import paper_curves

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.data import Images

    from ..settings import Settings

Metrics = Callable[["Settings"], Mapping[str, Callable[..., Any]]]
"""From the options of a run to what `models.measure` is to measure."""


def depth_experiment(
    name: str, title: str, panels: Sequence[Panel], metrics: Metrics
) -> tuple[Callable[..., Findings], Callable[..., Figure]]:
    """`measure` and `draw` of an experiment that shows metrics over depth.

    Args:
        name: of the experiment and its table.
        title: of the figure.
        panels: in order.
        metrics: what is measured.
    """

    def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
        """One pass of each model.

        Args:
            loaded: models by the names that the figure shows; on the CPU afterwards.
            images: of `open_images`.
            settings: of the run.
            device: to run on.
        Returns:
            The experiment's table (per-image values) and `differences`: of each model from the first one, paired image
            by image.
        """
        logarithmic = [panel.metric for panel in panels if panel.logarithmic]
        table, facts = measured(metrics(settings), loaded, images, settings, device, logarithmic=logarithmic)
        paper = paper_curves([panel.paper for panel in panels if panel.paper], loaded, images, settings)
        facts = {**facts, **paper, "notes": facts["notes"] + paper["notes"]}
        return Findings({name: table, DIFFERENCES: paired_differences(table)}, {}, facts)

    def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
        """The figure, from the findings alone.

        Args:
            findings: of `measure`, or read back.
            summary: of the experiment's table, by `study.summary`.
        """
        return curves_figure(title, panels, findings, summary)

    return measure, draw

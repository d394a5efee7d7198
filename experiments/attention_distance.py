"""How far attention looks: distance from a query patch to the keys it attends to, over depth.

Claim: in the late layers contrastive learning looks at the whole image, masked image modelling around each query.

The paper's numbers are known only as the official notebook stored them, for MoCo v3 ViT-B/16 on a batch of
Imagenette, depth 1 to 12: 110.8 89.2 72.9 69.5 72.6 81.2 88.2 79.4 96.0 100.9 109.7 113.6 px. For SimMIM and for
ImageNet none are known.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 3. `--convention` park2023 is the official notebook's, exact has no
epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from study.plots import plots

from ._depth_curves import Panel, curves_figure, measured
from .findings import Findings

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images

    from .settings import Settings


def _uniform(grid: tuple[int, int], patch_size: tuple[int, int]) -> float:
    return plots().uniform_distance(grid, patch_size)


PANELS = (Panel("attention_distance", "Attention distance (px)", paper="distance", from_zero=True, uniform=_uniform),)


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model.

    Args:
        loaded: models by the names that the figure shows.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `attention-distance` (per-image values) and `differences`, paired between models.
    """
    import ops

    return measured(
        "attention-distance",
        {"attention_distance": partial(ops.attention_distance, convention=settings.convention)},
        loaded,
        images,
        settings,
        device,
    )


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `attention-distance`, by `study.summary`.
    """
    return curves_figure("Attention distance", PANELS, findings, summary)

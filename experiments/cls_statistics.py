"""What the class token attends to, and how much attention adds to the stream: Beyond [cls], over depth.

Claim: in masked image modelling, above all in MAE, the class token attends to itself and spreads the rest almost
uniformly over the patches; in joint-embedding models it is more selective.

The paper's values are not known. Entropies end at ln N for N patches (5.278 on 14 x 14).

Source: Przewiezlikowski et al. 2025 (arXiv:2412.03215), statistics of its released code; the sum of the class token's
attention to patches is 1 - its attention to itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from ._depth_curves import Panel, curves_figure, measured
from .findings import Findings

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images

    from .settings import Settings


def _largest_entropy(grid: tuple[int, int], patch_size: tuple[int, int]) -> float:
    return math.log(grid[0] * grid[1])


PANELS = (
    Panel("cls_cls_attention", "Class token to itself", from_zero=True),
    Panel("cls_pos_entropy", "Entropy, class token to patches (nats)", uniform=_largest_entropy),
    Panel("pos_pos_entropy", "Entropy, patches to patches (nats)", uniform=_largest_entropy),
    Panel("pos_cls_attention", "Patches to class token", from_zero=True),
    Panel("pos_self_attention", "Patches to themselves", from_zero=True),
    Panel("cls_magnitude", "Branch over stream, class token", logarithmic=True),
    Panel("pos_magnitude", "Branch over stream, patches", from_zero=True),
)


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model.

    Args:
        loaded: models by the names that the figure shows.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `cls-statistics` (per-image values) and `differences`, paired between models.
    """
    import ops

    metrics = {"attention": ops.class_attention_statistics, "magnitude": ops.attention_magnitudes}
    return measured("cls-statistics", metrics, loaded, images, settings, device)


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `cls-statistics`, by `study.summary`.
    """
    return curves_figure("Class token statistics", PANELS, findings, summary)

"""Whether attention depends on the query: normalised mutual information of queries and keys, over depth.

Claim: in the late layers of contrastive learning attention collapses into maps that are alike for every query (NMI
near 0); in masked image modelling it does not.

The paper's numbers are known only as the official notebook stored them, for MoCo v3 ViT-B/16 on a batch of
Imagenette, depth 1 to 12: .060 .123 .321 .297 .240 .179 .146 .172 .092 .079 .028 .008. For SimMIM and for ImageNet
none are known.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 4. `--convention` park2023 is the official notebook's, whose epsilon
of 1e-8 lowers the NMI of sharp maps; exact has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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


PANELS = (Panel("attention_nmi", "Attention NMI", paper="nmi", from_zero=True),)


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model.

    Args:
        loaded: models by the names that the figure shows.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `attention-nmi` (per-image values) and `differences`, paired between models.
    """
    import ops

    return measured(
        "attention-nmi",
        {"attention_nmi": partial(ops.attention_nmi, convention=settings.convention)},
        loaded,
        images,
        settings,
        device,
    )


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `attention-nmi`, by `study.summary`.
    """
    return curves_figure("Attention NMI", PANELS, findings, summary)

"""Attention maps, attention distance, NMI, token similarity and Fourier over depth, for several models at once.

Claim: contrastive learning (MoCo v3) looks at the whole image from everywhere, the more so the deeper (attention
distance high, NMI near 0, tokens alike), and keeps low frequencies; masked image modelling (SimMIM) looks around each
query (distance low, NMI high, tokens different) and keeps high frequencies.

The paper's numbers, for MoCo v3 ViT-B/16 at depth 1 to 12, of the official notebook's batch of Imagenette:
distance 110.8 89.2 72.9 69.5 72.6 81.2 88.2 79.4 96.0 100.9 109.7 113.6 px;
NMI .060 .123 .321 .297 .240 .179 .146 .172 .092 .079 .028 .008;
delta log amplitude at depth 0 to 12 (ImageNet): -2.90 -3.18 -3.14 -3.07 -2.95 -2.81 -2.67 -2.55 -2.46 -2.40 -2.39 -2.40
-2.51, SimMIM -2.00 -2.05 -2.25 -2.18 -2.13 -2.12 -2.09 -2.06 -2.04 -2.06 -2.13 -2.12 -2.31. The paper's values for the
distance and NMI of SimMIM and for token similarity are not known.

Source: Park et al. 2023 (arXiv:2305.00729), figs. 2, 3, 4, 5 right, 8. Tokens are block outputs without the final norm
(the paper leaves it open for fig. 5), depth 0 is the embedding; attention maps are means over heads (the paper shows
one head).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from .findings import Findings
from .measuring.depth_metrics import depth_metrics

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images

    from .settings import Settings


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model over all images, and the attention maps of one photograph.

    Args:
        loaded: models by the names that the figure shows.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Tables `overview` (per-image values) and `attention_maps`, the photograph as each field of view shows it.
    """
    from .attention_maps import attention_maps

    table, facts = depth_metrics(loaded, images, settings, device)
    maps = attention_maps(loaded, images)
    return Findings({"overview": table, **maps.tables}, maps.pictures, {**facts, **maps.facts})


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `overview`, by `study.summary`.
    """
    from .figures.overview import overview_figure

    return overview_figure(findings, summary)

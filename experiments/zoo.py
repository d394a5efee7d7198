"""The miniature zoo: what each training objective made of the same network, data and number of images.

Claim, to be tried in miniature: contrastive learning looks at the whole image and alike for every query, masked image
modelling looks locally and keeps tokens apart; the hybrid of both stands between; supervised training resembles the
contrastive one. Distance, NMI, token similarity and Fourier over depth, and how well the nearest neighbours tell the
classes apart, where the images have classes: half of the images vote for the other half, and the other way round.

The paper's numbers for its own large models are in `experiments.overview`; for the hybrid's curves none are known.

Source: Park et al. 2023 (arXiv:2305.00729), figs. 3, 4, 5 right, 8 and 12; k-NN after Wu et al. 2018
(arXiv:1805.01978). Features are the mean of the patch tokens and the class token after the last norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from study.long_table import joined

from .findings import Findings
from .measuring.depth_metrics import depth_metrics

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images

    from .settings import Settings

MODELS = ("mini-moco", "mini-simmim", "mini-mae", "mini-hybrid", "mini-supervised", "mini-random")


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model for the metrics over depth, and one for the neighbours.

    Args:
        loaded: models by the names that the figure shows.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `zoo`: per-image values; of the k-NN metrics 1 where the vote is right, else 0.
    """
    from .measuring.neighbours import METRICS, neighbour_votes

    table, facts = depth_metrics(loaded, images, settings, device)
    tables = [table]
    missing = _no_votes(images)
    if missing is not None:
        facts["notes"].append(missing)
    else:
        tables += [neighbour_votes(name, model, images, settings, device) for name, model in loaded.items()]
        facts["metrics"] += METRICS
        facts["classes"] = len(images.classes)
    return Findings({"zoo": joined(tables)}, {}, facts)


def _no_votes(images: Images) -> str | None:
    """Why the neighbours cannot vote on the class of an image; None where they can."""
    if images.labels is None:
        return (
            f"k-NN accuracy is left out: {images.where} has no labels; give images in folders named as their classes, "
            "or --labels FILE"
        )
    return (
        "k-NN accuracy is left out: it needs at least two images, give more with --images" if len(images) < 2 else None
    )


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `zoo`, by `study.summary`.
    """
    from .figures.zoo import zoo_figure

    return zoo_figure(findings, summary)

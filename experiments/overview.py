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

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from .findings import Findings

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from study.data import Images

    from .settings import Settings

METRICS = ("distance", "nmi", "token_similarity", "delta_log_amplitude")


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
    import torch

    from study.model_set import is_miniature

    from .attention_maps import attention_maps

    tables, speeds = [], {}
    for name, model in loaded.items():
        model.to(device, getattr(torch, settings.dtype))
        started = time.perf_counter()
        tables.append(_per_image(name, model, images, settings))
        speeds[name] = len(images) / (time.perf_counter() - started)
        model.cpu()
    maps = attention_maps(loaded, images)
    facts = {
        "images": len(images),
        "data": images.where,
        "convention": settings.convention,
        "metrics": list(METRICS),
        "layouts": {name: _layout(model) for name, model in loaded.items()},
        "miniatures": [name for name, model in loaded.items() if is_miniature(model)],
        "images_per_second": {name: round(speed, 1) for name, speed in speeds.items()},
        **maps.facts,
    }
    return Findings({"overview": pd.concat(tables, ignore_index=True), **maps.tables}, maps.pictures, facts)


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `overview`, by `study.summary`.
    """
    from .overview_figure import overview_figure

    return overview_figure(findings, summary)


def highest_frequency(tokens: Tensor, *, grid: tuple[int, int]) -> Tensor:
    """Delta log amplitude: the last entry of `ops.relative_log_amplitude`, in nats, one value per image."""
    from ops import relative_log_amplitude

    return relative_log_amplitude(tokens, grid=grid)[..., -1]


def _per_image(name: str, model: nn.Module, images: Images, settings: Settings) -> pd.DataFrame:
    import ops
    from study.comparison import comparison

    metrics = {
        "distance": partial(ops.attention_distance, convention=settings.convention),
        "nmi": partial(ops.attention_nmi, convention=settings.convention),
        "token_similarity": ops.token_similarity,
        "delta_log_amplitude": highest_frequency,
    }
    options = {"batch_size": settings.batch_size, "workers": settings.workers, "progress": True}
    return comparison({name: model}, images, metrics, **options)


def _layout(model: Any) -> dict[str, Any]:
    from models import token_layout

    layout = token_layout(model)
    size = layout.patch_size
    patch = [size, size] if isinstance(size, int) else list(size)
    return {"grid": list(layout.grid), "patch_size": patch, "depth": len(model.blocks)}

"""How far attention looks: distance from a query patch to the keys it attends to, over depth.

Claim: in the late layers contrastive learning looks at the whole image, masked image modelling around each query.

The paper's numbers are known only as the official notebook stored them, for MoCo v3 ViT-B/16 on a batch of
Imagenette, depth 1 to 12: 110.8 89.2 72.9 69.5 72.6 81.2 88.2 79.4 96.0 100.9 109.7 113.6 px. For SimMIM and for
ImageNet none are known.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 3. `--convention` park2023 is the official notebook's, exact has no
epsilon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from study.plots import plots

from .figures.depth_curves import Panel
from .measuring.depth_experiment import depth_experiment

if TYPE_CHECKING:
    from .settings import Settings


def _uniform(layout: Mapping[str, Any]) -> float:
    return plots().uniform_distance(tuple(layout["grid"]), tuple(layout["patch_size"]))


PANELS = (Panel("attention_distance", "Attention distance (px)", paper="distance", from_zero=True, uniform=_uniform),)


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    import ops

    return {"attention_distance": partial(ops.attention_distance, convention=settings.convention)}


measure, draw = depth_experiment("attention-distance", "Attention distance", PANELS, metrics)

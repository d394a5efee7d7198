"""Which frequencies representations keep: relative amplitude of the highest diagonal frequency, over depth.

Claim: contrastive learning reduces high frequencies (shapes), masked image modelling keeps them (textures).

The paper's numbers, depth 0 to 12, ImageNet: MoCo v3 -2.90 -3.18 -3.14 -3.07 -2.95 -2.81 -2.67 -2.55 -2.46 -2.40
-2.39 -2.40 -2.51; SimMIM -2.00 -2.05 -2.25 -2.18 -2.13 -2.12 -2.09 -2.06 -2.04 -2.06 -2.13 -2.12 -2.31; MAE's encoder
-3.07 -2.10 -2.28 -2.39 -2.34 -2.35 -2.31 -2.32 -2.27 -2.24 -2.18 -2.15 -2.52.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 8; of block outputs without the last norm. On a 14 x 14 grid the
highest bin of the diagonal is 6/7 pi, as in the official notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .figures.depth_curves import Panel
from .measuring.depth_experiment import depth_experiment

if TYPE_CHECKING:
    from .settings import Settings


PANELS = (Panel("delta_log_amplitude", "Δ log amplitude (nats)", paper="amplitude"),)


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    from .measuring.depth_metrics import highest_frequency

    return {"delta_log_amplitude": highest_frequency}


measure, draw = depth_experiment("fourier", "Amplitude of the highest frequency", PANELS, metrics)

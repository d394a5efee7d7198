"""What the class token attends to, and how much attention adds to the stream: Beyond [cls], over depth.

Claim: in masked image modelling, above all in MAE, the class token attends to itself and spreads the rest almost
uniformly over the patches; in joint-embedding models it is more selective.

The paper's values are not known. Entropies end at ln N for N patches (5.278 on 14 x 14).

Source: Przewiezlikowski et al. 2025 (arXiv:2412.03215), statistics of its released code; the sum of the class token's
attention to patches is 1 - its attention to itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._depth_curves import Panel, depth_experiment

if TYPE_CHECKING:
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


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    import ops

    return {"attention": ops.class_attention_statistics, "magnitude": ops.attention_magnitudes}


measure, draw = depth_experiment("cls-statistics", "Class token statistics", PANELS, metrics)

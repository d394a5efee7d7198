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

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .figures.depth_curves import Panel
from .measuring.depth_experiment import depth_experiment

if TYPE_CHECKING:
    from .settings import Settings


PANELS = (Panel("attention_nmi", "Attention NMI", paper="nmi", from_zero=True),)


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    import ops

    return {"attention_nmi": partial(ops.attention_nmi, convention=settings.convention)}


measure, draw = depth_experiment("attention-nmi", "Attention NMI", PANELS, metrics)

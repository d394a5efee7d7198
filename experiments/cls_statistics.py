"""What the class token attends to, and how much attention adds to the stream: Beyond [cls], over depth.

Claim: in masked image modelling, above all in MAE, the class token attends to itself and spreads the rest almost
uniformly over the patches; in joint-embedding models it is more selective.

The paper's values are not known. Entropies end at ln N for N patches (5.278 on 14 x 14); uniform attention gives each
token 1 / (N + P), with P tokens before the patches (0.0051 on 14 x 14 with a class token).

Source: Przewiezlikowski et al. 2025 (arXiv:2412.03215), statistics of its released code; the sum of the class token's
attention to patches is 1 - its attention to itself (O15 of this project's reading). Branches are measured before
LayerScale, as in the release, or after it with `--layer-scale` (O13). Models without a class token are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .applicable import NotApplicable
from .figures.depth_curves import Panel
from .findings import Findings
from .measuring.depth_experiment import depth_experiment

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from study.data import Images

    from .settings import Settings


def _largest_entropy(layout: Mapping[str, Any]) -> float:
    return math.log(math.prod(layout["grid"]))


def _equal_share(layout: Mapping[str, Any]) -> float | None:
    """None for results that do not know of the tokens before the patches."""
    return 1 / (math.prod(layout["grid"]) + layout["prefix"]) if "prefix" in layout else None


PANELS = (
    Panel("cls_cls_attention", "Class token to itself", from_zero=True, uniform=_equal_share),
    Panel("cls_pos_entropy", "Entropy, class token to patches (nats)", uniform=_largest_entropy),
    Panel("pos_pos_entropy", "Entropy, patches to patches (nats)", uniform=_largest_entropy),
    Panel("pos_cls_attention", "Patches to class token", from_zero=True, uniform=_equal_share),
    Panel("pos_self_attention", "Patches to themselves", from_zero=True, uniform=_equal_share),
    Panel("cls_magnitude", "Branch over stream, class token", logarithmic=True),
    Panel("pos_magnitude", "Branch over stream, patches", from_zero=True),
)


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    import ops

    magnitudes = of_what_is_added if settings.layer_scale else ops.attention_magnitudes
    return {"attention": ops.class_attention_statistics, "magnitude": magnitudes}


def of_what_is_added(before: Tensor, after: Tensor, *, prefix: int, class_tokens: int) -> dict[str, Tensor]:
    """`ops.attention_magnitudes` of the branch behind LayerScale: what really comes to the stream."""
    from ops import attention_magnitudes

    return attention_magnitudes(before, after - before, prefix=prefix, class_tokens=class_tokens)


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model that has a class token.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Raises:
        NotApplicable: no model has a class token.
    """
    from models import token_layout

    used = {name: model for name, model in loaded.items() if token_layout(model).class_tokens}
    without = [name for name in loaded if name not in used]
    if not used:
        raise NotApplicable(f"needs a class token, which is lacking in {', '.join(without)}: name a model that has one")
    findings = _measure_all(used, images, settings, device)
    scale = "after LayerScale (--layer-scale)" if settings.layer_scale else "before LayerScale, as in the release"
    findings.facts["notes"].append(f"branches are measured {scale}")
    findings.facts["notes"] += [f"{name} is left out: it has no class token" for name in without]
    return findings


_measure_all, draw = depth_experiment("cls-statistics", "Class token statistics", PANELS, metrics)

"""A hybrid of both losses: probe against fine-tuning for each lambda, NMI and high frequencies over depth.

Claim: L = (1 - lambda) L_MIM + lambda L_CL with a small lambda takes the best of both: more accurate than either when
probed and when fine-tuned, local in the early layers as masked image modelling, global at the end as contrastive
learning (NMI falls at the end, high frequencies are kept early and reduced late).

The paper's numbers, ImageNet, %, lambda 0, 0.2, 0.4, 0.6, 1: linear probe 18.2 61.6 62.3 61.9 58.1; fine-tuning 81.90
82.29 81.95 81.62 81.33. They are of trainings of its own, whose weights were not published, so that they are drawn
beside no other model. Values of the two other panels are not known.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 12; the wiring of the hybrid is open point O11, here one shared
encoder with SimMIM's and MoCo-v3's own heads. Lambda is that of the weights' card; probes are those of `python -m
probing layers` at the last depth on the mean of patches, fine-tuning that of `python -m probing finetune`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from .findings import Findings
from .measuring.depth_metrics import highest_frequency, measured
from .measuring.differences import DIFFERENCES, paired_differences

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images

    from .settings import Settings

MODELS = ("mini-simmim", "mini-hybrid", "mini-moco")
PLANE = "plane"
WIRING = "Wiring of the hybrid (O11): one shared encoder, SimMIM's and MoCo-v3's own heads."


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model, and the stored accuracies of each.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Tables `hybrid` (per-image values), `differences`, and `plane`: a probe and the fine-tuning of each model.
    """
    import ops

    from .measuring.lambdas import lambdas
    from .stored.probe_and_finetune import LAST, probe_and_finetune

    metrics = {
        "nmi": partial(ops.attention_nmi, convention=settings.convention),
        "delta_log_amplitude": highest_frequency,
    }
    table, facts = measured(metrics, loaded, images, settings, device)
    weights, unknown = lambdas(loaded)
    plane, known = probe_and_finetune(settings, LAST)
    facts |= {"lambdas": weights, "plane": known}
    facts["notes"] = [*facts.get("notes", []), *unknown, *known["notes"], WIRING]
    return Findings({"hybrid": table, DIFFERENCES: paired_differences(table), PLANE: plane}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table `hybrid`, by `study.summary`.
    """
    from .figures.hybrid import hybrid_figure

    return hybrid_figure(findings, summary)

"""How models behave: linear probe against fine-tuning, and accuracy against the number of parameters.

Claim: contrastive learning wins under a linear probe and with small models, masked image modelling when fine-tuned and
with large models.

The paper's numbers, ViT-B, ImageNet, %, linear probe and fine-tuning: SimMIM 56.7 and 83.8, MAE 68.0 and 83.6, BEiT
56.7 and 83.2, MoCo v3 76.7 and 83.2, DINO 78.2 and 82.8. They are the best known probes of each method (SimMIM's on the
mean of patches of its 8th block, MoCo's on the last class token), so here each model's best depth and pooling counts.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 1 (a) and (b). Results are those of `python -m probing layers` and
`finetune`; the second panel needs models of at least two sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .applicable import NotApplicable
from .findings import Findings
from .stored.probe_and_finetune import BEST, PROBE, TUNED, probe_and_finetune

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .settings import Settings

MODELS = ()
"""All that the results know."""

OF_ONE_SIZE = (
    "Accuracy against the number of parameters is left out: it needs models of at least two sizes, these are of one."
)


def read(settings: Settings) -> Findings:
    """Probe and fine-tuning of each model.

    Args:
        settings: of the run.
    Returns:
        Table `behaviour`: a row for the probe and one for the fine-tuning, with the number of parameters.
    Raises:
        NotApplicable: no model has both, and there are not two sizes either.
    """
    rows, facts = probe_and_finetune(settings, BEST)
    facts["sized"] = next((head for head in (TUNED, PROBE) if _sizes(rows, head) > 1), None)
    paired = set(rows.loc[rows["head"] == PROBE, "model"]) & set(rows.loc[rows["head"] == TUNED, "model"])
    if not paired and facts["sized"] is None:
        raise NotApplicable("; ".join(dict.fromkeys([*facts["missing"][PROBE], *facts["missing"][TUNED]])))
    facts["notes"] += [] if facts["sized"] else [OF_ONE_SIZE]
    return Findings({"behaviour": rows}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    """
    from .figures.behaviour import behaviour_figure

    return behaviour_figure(findings.tables["behaviour"], findings.facts)


def _sizes(rows: pd.DataFrame, head: str) -> int:
    """How many numbers of parameters the models of a head have."""
    return rows.loc[rows["head"] == head, "parameters"].nunique()

"""At how many depths a contrastive and a masked model differ the way the paper's do; a count, not a test."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

HIGHER = {
    "distance": ("moco", "simmim", "attention distance"),
    "nmi": ("simmim", "moco", "NMI"),
    "token_similarity": ("moco", "simmim", "token similarity"),
    "delta_log_amplitude": ("simmim", "moco", "Δ log amplitude"),
}
"""Which of the two has the higher value in the paper (figs. 3, 4, 5 right, 8)."""

EVERYWHERE = "delta_log_amplitude"
"""The metric whose order holds at every depth of the paper's figure; the other claims are of late depths."""


def direction(summary: pd.DataFrame) -> str:
    """One sentence on where the order of a MoCo and a SimMIM model is the paper's; empty without exactly one of each.

    Args:
        summary: by `study.summary`, of the table `overview`.
    """
    pair = {family: _only(family, summary["model"].unique()) for family in ("moco", "simmim")}
    if None in pair.values():
        return ""
    means = summary.set_index(["metric", "model", "depth"])["mean"]
    counts = []
    for metric, (higher, lower, name) in HIGHER.items():
        gap = (means[metric][pair[higher]] - means[metric][pair[lower]]).dropna().sort_index()
        if metric != EVERYWHERE:
            gap = gap[gap.index > gap.index.max() / 2]
        counts.append(f"{name} at {(gap > 0).sum()} of {len(gap)}{'' if metric == EVERYWHERE else ' late'} depths")
    return f"{pair['moco']} and {pair['simmim']} differ as the paper's models do in: {', '.join(counts)}."


def _only(family: str, models: Sequence[str]) -> str | None:
    of_family = [model for model in models if family in model.lower()]
    return of_family[0] if len(of_family) == 1 else None

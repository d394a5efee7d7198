"""What each depth knows: accuracy of probes on class token and mean of patches, over depth.

Claim: masked image modelling knows most in the middle of the network, contrastive learning at its end.

The paper's numbers, linear probes at depth 1 to 12, ImageNet, %: MoCo v3 5.1 10.2 17.4 28.4 40.0 47.7 54.6 58.6 62.2
66.2 69.4 71.7; SimMIM 14.9 25.9 35.5 43.2 48.6 53.6 56.7 56.8 56.0 52.9 48.3 45.3; MAE 13.6 21.5 27.2 32.3 37.6 43.6
51.6 58.4 62.8 64.6 64.9 64.1. Its pooling, optimiser and epochs are not known (open point O10): the mean of patches
fits its numbers best, so that both are shown.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 10. Results are those of `python -m probing layers`; depth 0 is the
embedding, and the recipe of the probes is said below the figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from probing.plot import HEADS, POOLINGS, depth_figure

from .figures.below import beneath
from .figures.where import where
from .findings import Findings
from .stored.best_depths import BEST, best_depths, in_words
from .stored.facts import stored_facts
from .stored.paper import stored_paper
from .stored.results import stored
from .stored.words import norms, recipes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .settings import Settings

MODELS = ()
"""All that the results know."""

SHOWN = ("linear", "knn", "abmilp")
OPEN = "The paper's pooling and recipe are not known (O10): class token and mean of patches are both shown."


def read(settings: Settings) -> Findings:
    """Accuracies over depth, and where they are best.

    Args:
        settings: of the run.
    Returns:
        Tables `layer-probe`, the rows of `python -m probing layers`, and `best`.
    Raises:
        NotApplicable: there are no such results.
    """
    found = stored(settings, "layers", heads=SHOWN).required()
    rows = found.rows[found.rows["pooling"].isin(["class_token", "patches", "tokens"])]
    rows = rows.iloc[(rows["pooling"] != "patches").argsort(kind="stable")]
    facts = stored_facts(found)
    best = best_depths(rows)
    facts |= {"recipes": recipes(rows), "norms": norms(rows), "published": stored_paper("linear_probe", found)}
    facts["notes"] += [*in_words(best, {**HEADS, **POOLINGS}), OPEN, *facts["recipes"]]
    return Findings({"layer-probe": rows.reset_index(drop=True), BEST: best}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    Raises:
        ValueError: the results are of a single layer.
    """
    facts = findings.facts
    bands = f"Bands: 95 % bootstrap intervals over images. Layer 0: embedding. Norm of the tokens: {facts['norms']}."
    figure = depth_figure(
        findings.tables["layer-probe"],
        title=f"What each depth knows: probes on {where(facts)}",
        chance=None if facts["classes"] is None else 1 / facts["classes"],
        note="",
        paper=_paper(facts["published"]),
    )
    if figure is None:
        raise ValueError("the results are of a single layer: probe with --layers all")
    trained = [text for text in facts["recipes"] if text.startswith("linear")]
    beneath(figure, facts, "\n".join([bands, *trained, OPEN]))
    return figure


def _paper(published: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The paper's curves for the panel of linear probes on the mean of patches, which fits its numbers best."""
    return [
        {
            "model": model,
            "head": "linear",
            "pooling": "patches",
            "layers": curve["positions"],
            "values": [value / 100 for value in curve["values"]],
            "label": curve["label"],
        }
        for model, curve in published.items()
    ]

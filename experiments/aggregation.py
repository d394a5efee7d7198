"""What a better choice of tokens gains: accuracy of every pooling of one layer, and its gain over the class token.

Claim: the class token of masked image models sees little of what their patches know; choosing among the patches
(AbMILP) gains much there, and nothing in contrastive models.

The paper's numbers, ViT-B, ImageNet, %, class token and selective aggregation: MAE 68.0 and 71.6, BEiT v2 78.9 and
80.9, iBOT 77.8 and 77.9, MoCo v3 75.1 and 75.1.

Source: Przewiezlikowski et al. 2025, "Beyond [cls]" (arXiv:2412.03215), fig. 1. Results are those of `python -m probing
aggregate`, or of the last layer in `python -m probing layers`; AbMILP as in the release's headline setting (open point
O16), no norm before the probes but by choice (O14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from probing.aggregation.figure import NAMES, height, pooling_order, poolings_panel

from .applicable import NotApplicable
from .figures.below import beneath
from .figures.where import where
from .findings import Findings
from .stored.difference import UNPAIRED
from .stored.facts import stored_facts
from .stored.pooling_gains import CLASS_TOKEN, gains
from .stored.results import stored
from .stored.words import norms, recipes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .settings import Settings
    from .stored.results import Stored

MODELS = ()
"""All that the results know."""

HEADS = ("linear", "abmilp")
GAINS = "gains"
WIDTH = 11.0  # inches
LETTERS = 9  # points


def read(settings: Settings) -> Findings:
    """Accuracies of poolings at one layer of each model, and what they gain.

    Args:
        settings: of the run.
    Returns:
        Tables `aggregation`, the rows of `python -m probing`, and `gains`.
    Raises:
        NotApplicable: there are no such results, or a single pooling.
    """
    found = _found(settings)
    rows = found.rows
    gained = gains(rows)
    if gained.empty:
        raise NotApplicable(
            f"{', '.join(rows['model'].unique())}: no result of a pooling beside one of the class token on the same "
            "layer; probe with `python -m probing aggregate` and without --poolings"
        )
    facts = stored_facts(found)
    facts |= {"recipes": recipes(rows), "norms": norms(rows)}
    facts["notes"] += [_best(gained), f"{UNPAIRED}.", *facts["recipes"], f"Norm of the tokens (O14): {facts['norms']}."]
    without = sorted(set(rows["model"]) - set(gained["model"]))
    facts["notes"] += [f"{name} has no result of a class token, so no gain over it." for name in without]
    return Findings({"aggregation": rows, GAINS: gained}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    rows, gained, facts = findings.tables["aggregation"], findings.tables[GAINS], findings.facts
    order, models = pooling_order(rows), list(rows["model"].unique())
    figure = Figure(figsize=(WIDTH, height(order, models) + 0.8), layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    left, right = body.subplots(1, 2, sharey=True)
    poolings_panel(left, rows, order)
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    left.set_xlabel(f"Accuracy on test images (%), {_layers(rows)}", fontsize=LETTERS)
    poolings_panel(right, gained, order, scale=100)
    right.axvline(0, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), zorder=2)
    right.set_xlabel("Gain over the class token (points)", fontsize=LETTERS)
    handles, labels = left.get_legend_handles_labels()
    body.legend(handles, labels, loc="outside upper center", ncols=len(models), frameon=False, fontsize=LETTERS)
    figure.suptitle(f"One vector of many tokens: {where(facts)}")
    said = f"Left: 95 % bootstrap intervals over images. {UNPAIRED}.\nNorm of the tokens: {facts['norms']}."
    beneath(figure, facts, said)
    return figure


def _found(settings: Settings) -> Stored:
    """Results of `aggregate`, and of `layers` at the last layer for models that have none of the first."""
    import dataclasses

    found = stored(settings, "aggregate", heads=HEADS)
    plain = dataclasses.replace(settings, train=False)
    others = stored(plain, "layers", heads=HEADS)
    last = others.rows.groupby("model")["layer"].transform("max")
    mine = (others.rows["layer"] == last) & ~others.rows["model"].isin(list(found.rows["model"].unique()))
    others = dataclasses.replace(others, rows=others.rows[mine], missing={})
    with_rows = set(others.rows["source"])
    others = dataclasses.replace(others, sources=tuple(one for one in others.sources if one.name in with_rows))
    if others.rows.empty:
        return found.required()
    left = {name: text for name, text in found.missing.items() if name not in set(others.rows["model"]) | {""}}
    return dataclasses.replace(found, missing=left).beside(others)


def _best(gained: pd.DataFrame) -> str:
    """How much the best pooling of each model gains."""
    best = gained.loc[gained.groupby("model", sort=False)["value"].idxmax()]
    each = (
        f"{row['model']} {100 * row['value']:+.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}] "
        f"({NAMES.get(row['pooling'], row['pooling'])})"
        for _, row in best.iterrows()
    )
    return f"Points that the best pooling gains over the {CLASS_TOKEN.replace('_', ' ')}: {', '.join(each)}."


def _layers(rows: pd.DataFrame) -> str:
    layers = dict(zip(rows["model"], rows["layer"]))
    same = set(layers.values())
    return f"layer {same.pop()}" if len(same) == 1 else ", ".join(f"layer {n} of {name}" for name, n in layers.items())

"""What each patch knows of what stands on it: segmentation by a linear probe on patch tokens, over depth.

Claim: masked image modelling, which keeps tokens apart, suits dense prediction; contrastive learning, whose late tokens
are alike, suits it less.

The paper's numbers are of another test, COCO with a Mask R-CNN on ViT-B (AP): MoCo v3 47.9, MAE 50.3, BEiT 49.8,
supervised 47.9. Of a linear probe over depth none are known, so none are drawn.

Source: after Park et al. 2023 (arXiv:2305.00729), fig. 1 (c). Results are those of `python -m probing dense`: mean
intersection over union (mIoU) of all test pixels together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from .figures.below import beneath
from .figures.where import where
from .findings import Findings
from .stored.best_depths import BEST, best_depths, in_words
from .stored.facts import stored_facts
from .stored.results import registered, stored
from .stored.words import recipes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .settings import Settings
    from .stored.results import Stored

MODELS = ()
"""All that the results know."""

CLASSES = "classes"
SHAPES = "Drawn shapes demonstrate the probe and say little about natural images."
SIZE = (5.2, 4.0)  # inches of a panel
LETTERS = 9  # points
SPREAD = 0.6  # of a line's height, shared by its models


def read(settings: Settings) -> Findings:
    """Scores over depth, and each class's at the best depth.

    Args:
        settings: of the run.
    Returns:
        Tables `dense-probe`, the rows of `python -m probing dense`, `best`, and `classes`: intersection over union of
        each class at the layer with the best mean.
    Raises:
        NotApplicable: there are no such results.
    """
    found = stored(settings, "dense", metrics="miou|pixel_accuracy").required()
    best = best_depths(found.rows[found.rows["metric"] == "miou"])
    facts = stored_facts(found)
    facts["notes"] += [*in_words(best, {"dense_linear": "mIoU", "tokens": "patch tokens"}), *recipes(found.rows)]
    facts["shapes"] = facts["data"].startswith("shapes")
    facts["notes"] += [SHAPES] if facts["shapes"] else []
    return Findings({"dense-probe": found.rows, BEST: best, CLASSES: _classes(found, best)}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    """
    from matplotlib.figure import Figure

    from probing.dense.drawing import curves

    facts, rows, classes = findings.facts, findings.tables["dense-probe"], findings.tables[CLASSES]
    figure = Figure(figsize=(SIZE[0] * 2, SIZE[1] + 1.2), layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    left, right = body.subplots(1, 2)
    curves(rows, left)
    handles, labels = left.get_legend_handles_labels()
    left.get_legend().remove()
    top = float(rows.loc[rows["metric"] == "miou", ["value", "high"]].max().max())
    left.set_ylim(0, 1.08 * top)
    _bars(right, classes)
    body.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=LETTERS)
    figure.suptitle(f"What each patch knows: segmentation of {where(facts)}")
    said = "Bands: 95 % bootstrap intervals over images. The best layer is chosen on these very images."
    beneath(figure, facts, f"{said}\n{SHAPES}" if facts["shapes"] else said)
    return figure


def _classes(found: Stored, best: pd.DataFrame) -> pd.DataFrame:
    """Intersection over union of each class at each model's best layer."""
    layers = dict(zip(best["model"], best["layer"]))
    lines = []
    for model, rows in found.rows.groupby("model", sort=False):
        source = next(one for one in found.sources if one.name == rows["source"].iloc[0])
        by_layer = source.manifest["class_iou"]
        known = next(values for name, values in by_layer.items() if registered(name) == registered(str(model)))
        for name, value in known[str(layers[model])].items():
            lines.append({"model": model, "layer": layers[model], "class": name, "value": value})
    return pd.DataFrame(lines).astype({"value": float})


def _bars(ax, classes: pd.DataFrame) -> None:
    """A line for each class, a point on it for each model; the mean of the classes is the curve's best value."""
    import numpy as np

    from study.plots import plots

    names, models = list(dict.fromkeys(classes["class"])), list(classes["model"].unique())
    for number, model in enumerate(models):
        own = classes[classes["model"] == model]
        shift = SPREAD * ((number + 0.5) / len(models) - 0.5)
        look = plots().style(model)
        places = np.array([names.index(name) for name in own["class"]]) + shift
        ax.plot(own["value"], places, linestyle="none", marker=look["marker"], color=look["color"], markersize=6)
    ax.set_yticks(range(len(names)), names, fontsize=LETTERS)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-0.03, 1)
    ax.set_xlabel("Intersection over union at the best layer of each model", fontsize=LETTERS)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="0.92")
    ax.set_axisbelow(True)

"""The paper's own numbers beside stored results: of the same weights on all of ImageNet's validation images only."""

from __future__ import annotations

import dataclasses
from typing import Any

from .facts import weights_of
from .results import SOURCE, Stored

VALIDATION = "imagenet-val"
IMAGES, CLASSES = 50_000, 1000


def stored_paper(metric: str, found: Stored) -> dict[str, dict[str, Any]]:
    """The paper's curve by the model in the rows that it is of; empty where weights or images are others.

    Args:
        metric: as `study.published` names it.
        found: results whose manifests tell the weights' files and the images.
    """
    from study.published import IMAGENET, curve_of, weights_of_file

    curves = {}
    for source in found.sources:
        tested = source.tested()
        whole = tested["images"] == IMAGES and source.classes() == CLASSES
        if not (whole and str(tested["where"]).partition(":")[0] == VALIDATION):
            continue
        for name in found.rows.loc[found.rows[SOURCE] == source.name, "model"].unique():
            for _, known in weights_of([source], name):
                curve = curve_of(metric, weights_of_file(known.get("sha256")) or name, IMAGENET)
                if curve is not None:
                    curves[str(name)] = dataclasses.asdict(curve)
    return curves

"""The paper's own numbers beside stored results: of the same weights on all of ImageNet's validation images only."""

from __future__ import annotations

import dataclasses
from typing import Any

from .stored import Stored

VALIDATION = "imagenet-val"
IMAGES, CLASSES = 50_000, 1000


def stored_paper(metric: str, found: Stored) -> dict[str, dict[str, Any]]:
    """The paper's curve by the model that it is of; empty where weights or images are others.

    Args:
        metric: as `study.published` names it.
        found: results whose manifests tell the weights' files and the images.
    """
    from study.published import CURVES, IMAGENET, weights_of_file

    curves = {}
    for source in found.sources:
        tested = source.tested()
        whole = tested["images"] == IMAGES and source.classes() == CLASSES
        if not (whole and str(tested["where"]).partition(":")[0] == VALIDATION):
            continue
        for name, known in source.weights().items():
            weights = weights_of_file(known.get("sha256")) or name
            curve = next(
                (one for one in CURVES if (one.metric, one.images) == (metric, IMAGENET) and weights in one.weights),
                None,
            )
            if curve is not None:
                curves[name] = dataclasses.asdict(curve)
    return curves

"""The methods of training, and what others have to know of each; needs no torch."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Method:
    """What is known of a method without building it.

    Attributes:
        title: as it is written in texts.
        labels: whether it learns from the classes of the images.
        paints: whether it makes pictures of what it does not see.
    """

    title: str
    labels: bool = False
    paints: bool = False


METHODS = {
    "mocov3": Method("MoCo-v3"),
    "simmim": Method("SimMIM", paints=True),
    "mae": Method("MAE", paints=True),
    "hybrid": Method("hybrid of SimMIM and MoCo-v3", paints=True),
    "supervised": Method("supervised", labels=True),
    "finetune": Method("fine-tuned", labels=True),
}
"""By their names in recipes (METHOD) and commands."""

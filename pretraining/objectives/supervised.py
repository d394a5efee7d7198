"""Supervised training, for comparison: cross-entropy on the class token."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn
from yacs.config import CfgNode

from ..encoder import Encoder
from ._precision import at_least_float32
from .objective import Batch, Objective

_PREFIX = "encoder."


class Supervised(Objective):
    """Encoder with its own classifier.

    Args:
        encoder: gets a classifier.
        node: `recipe.SUPERVISED`.
        classes: at least 2.

    Raises:
        ValueError: there are not two classes to tell apart.
    """

    def __init__(self, encoder: Encoder, node: CfgNode, *, classes: int) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(
                f"METHOD=supervised needs images of at least 2 classes, these are of {classes}; "
                "put them in one folder for each class"
            )
        encoder.reset_classifier(classes)
        nn.init.trunc_normal_(encoder.head.weight, std=0.02)
        nn.init.zeros_(encoder.head.bias)
        self.encoder = encoder
        self.smoothing = node.LABEL_SMOOTHING

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of `image` and `label`, and `accuracy`, the share of right answers."""
        logits = at_least_float32(self.encoder(batch["image"]))
        loss = F.cross_entropy(logits, batch["label"], label_smoothing=self.smoothing)
        right = (logits.detach().argmax(1) == batch["label"]).to(logits.dtype)
        return {"loss": loss, "accuracy": right.mean()}

    def _official(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name.removeprefix(_PREFIX): value for name, value in state.items()}

    def _own(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {_PREFIX + name: value for name, value in state.items()}

"""Supervised training, for comparison: cross-entropy of a classifier."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from ..encoder import Encoder
from ._precision import at_least_float32
from .objective import Batch, Objective

_PREFIX = "encoder."


class Supervised(Objective):
    """Encoder with its classifier.

    Args:
        encoder: ends in a classifier.
        smoothing: of the labels, 0 to 1.
    """

    def __init__(self, encoder: Encoder, *, smoothing: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.smoothing = smoothing

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

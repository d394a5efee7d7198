"""How dense probes are trained: every value that has an influence on them."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ..presets import Norm

LEARNING_RATES = {"adamw": 0.01, "sgd": 0.1}
"""Of each optimiser, where none is said."""


@dataclasses.dataclass(frozen=True)
class DenseRecipe:
    """Our own recipe; the papers print no dense probe.

    Attributes:
        epochs: passes over the training images.
        lr: learning rate at the start, which falls to 0 as half a cosine.
        batch: images of one step; the last of an epoch may have fewer.
        optimiser: adamw or sgd (momentum 0.9).
        weight_decay: of the weight, not of the bias.
        standardised: each channel by its batch in training, by running statistics in tests; no weights.
        norm: whether the model's last LayerNorm is put on every layer's tokens.
        seed: of the order of the images.
    Raises:
        ValueError: a value without sense.
    """

    epochs: int = 30
    lr: float = LEARNING_RATES["adamw"]
    batch: int = 16
    optimiser: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = 1e-4
    standardised: bool = True
    norm: Norm = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"epochs": 1, "batch": 1, "seed": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}; expected at least {least}")
        if not self.lr > 0:
            raise ValueError(
                f"lr={self.lr}; expected a learning rate above 0, such as {LEARNING_RATES[self.optimiser]:g}"
            )
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay={self.weight_decay}; expected 0 or more")

    @property
    def text(self) -> str:
        """One line with all of it, for the table.

        >>> DenseRecipe().text
        'dense-v1: adamw, lr 0.01 cosine, weight decay 0.0001, batch 16, 30 epochs, batch norm, norm none, seed 0'
        """
        standardised = "batch norm" if self.standardised else "no batch norm"
        return (
            f"dense-v1: {self.optimiser}, lr {self.lr:g} cosine, weight decay {self.weight_decay:g}, batch "
            f"{self.batch}, {self.epochs} epochs, {standardised}, norm {self.norm}, seed {self.seed}"
        )

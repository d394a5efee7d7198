"""Recipes of linear probes, by name and version: what is printed beside every number."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Literal

Norm = Literal["none", "final"]


@dataclasses.dataclass(frozen=True)
class Preset:
    """How a probe is trained on features that do not change.

    Attributes:
        name: with which it is asked for.
        version: raised whenever a value changes.
        optimiser: lars, sgd, or lbfgs on all images at once.
        lr: learning rate for `reference_batch` images a step; it scales linearly with the batch.
        reference_batch: see lr.
        batch: images of one step.
        epochs: passes over the training images; of lbfgs iterations at most.
        warmup_epochs: of a linear rise from 0; then half a cosine to 0.
        weight_decay: times half the squared norm of the weight (not the bias); of lbfgs it is the penalty.
        momentum: of lars and sgd.
        batch_norm: standardise each channel by its batch in training, by running statistics in tests; no weights.
        init_std: of the first weights, drawn normal, the bias 0; None draws both as torch's linear layer does.
        norm: whether the model's last LayerNorm is put on the tokens of each layer.
        pooling: which of them the source uses.
        note: source, and what is not known of it.
    """

    name: str
    version: int
    optimiser: Literal["lars", "sgd", "lbfgs"]
    lr: float
    reference_batch: int
    batch: int
    epochs: int
    warmup_epochs: int
    weight_decay: float
    momentum: float
    batch_norm: bool
    init_std: float | None
    norm: Norm
    pooling: str
    note: str

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name}-v{self.version}"


_MAE = Preset(
    name="mae",
    version=1,
    optimiser="lars",
    lr=0.1,
    reference_batch=256,
    batch=16384,
    epochs=90,
    warmup_epochs=10,
    weight_decay=0.0,
    momentum=0.9,
    batch_norm=True,
    init_std=0.01,
    norm="final",
    pooling="class_token",
    note="He et al. 2022 (arXiv:2111.06377), official code: class token after the last norm, random crops and flips",
)
PRESETS = {
    preset.name: preset
    for preset in (
        _MAE,
        dataclasses.replace(
            _MAE,
            name="mocov3",
            optimiser="sgd",
            lr=3.0,
            batch=1024,
            warmup_epochs=0,
            batch_norm=False,
            note="Chen et al. 2021 (arXiv:2104.02057), official settings: lr 3, which its code scales by batch / 256, "
            "batch 1024; class token after the last norm, random crops and flips",
        ),
        dataclasses.replace(
            _MAE,
            name="beyond-cls",
            init_std=None,
            norm="none",
            note="Przewiezlikowski et al. 2025 (arXiv:2412.03215), official code: no last norm; random crops (0.08 to "
            "1) and flips; whether the paper prints the last or the best epoch is not known",
        ),
        dataclasses.replace(
            _MAE,
            name="lbfgs",
            optimiser="lbfgs",
            lr=1.0,
            batch=0,
            epochs=2000,
            warmup_epochs=0,
            weight_decay=1e-4,
            momentum=0.0,
            init_std=0.0,
            norm="none",
            pooling="patches",
            note="our own, deterministic: multinomial logistic regression on standardised features, penalty "
            "weight_decay / 2 |weight|^2 beside the mean cross-entropy",
        ),
    )
}


RATES = {
    "lars": (1.0, 3.0, 10.0, 30.0, 100.0),
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
    "lbfgs": (0.1, 1.0, 10.0, 100.0),
}
"""Factors on a preset's learning rate (of lbfgs on its penalty) that are tried where the user names none: published
rates are for ImageNet and its many steps, so they are the smallest of LARS and the largest of SGD."""


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        ValueError: there is none; the message gives the nearest.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        raise ValueError(f"unknown preset {name!r}; {hint}")
    return PRESETS[name]

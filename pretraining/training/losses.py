"""Losses on their way from the device to the log: read every few steps, so that a GPU need not wait for each."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from study.processes import mean_over_processes

CURE = (
    "Lower OPTIM.LR, lengthen SCHEDULE.WARMUP_EPOCHS, set OPTIM.CLIP_GRAD or TRAIN.PRECISION float32; to go on so from "
    "the last checkpoint, `python -m pretraining` takes --allow-change OPTIM.LR --opts OPTIM.LR VALUE"
)


class DivergedError(ValueError):
    """The loss or the weights are no numbers any more."""


class Losses:
    """Values of the steps since they were last read, of all processes together.

    Args:
        every: number of steps after which they are to be read.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.unread: list[Mapping[str, Tensor]] = []

    def add(self, parts: Mapping[str, Tensor]) -> None:
        self.unread.append(parts)

    @property
    def due(self) -> bool:
        return len(self.unread) >= self.every

    def read(self, images_seen: int) -> dict[str, float]:
        """Means over the unread steps and over all processes, which have to read together; empty without any.

        Args:
            images_seen: position after these steps, for the error.
        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        if not self.unread:
            return {}
        names = list(self.unread[0])
        rows = torch.stack([torch.stack([parts[name].float() for name in names]) for parts in self.unread])
        means = dict(zip(names, mean_over_processes(rows.double().mean(0)).tolist(), strict=True))
        steps, self.unread = len(self.unread), []
        if not math.isfinite(means["loss"]):
            raise DivergedError(
                f"the loss became {means['loss']} within the {steps} steps before {images_seen} images; the parts: "
                + ", ".join(f"{name} {value:g}" for name, value in means.items())
                + f". {CURE}"
            )
        return means

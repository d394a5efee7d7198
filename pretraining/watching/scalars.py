"""Curves and pictures for TensorBoard, where it is installed."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

FOLDER = "tensorboard"


class NoTensorBoard(UserWarning):
    """The tensorboard package is missing; the CSV files hold all numbers."""


class Scalars:
    """Event files of a training; nothing is written where tensorboard is missing.

    Args:
        folder: of the training; the events go to its folder `tensorboard`.
        position: images seen by the checkpoint that the training goes on from; TensorBoard hides what lies beyond.
    """

    def __init__(self, folder: Path, *, position: int = 0) -> None:
        self._writer: Any = _writer(folder / FOLDER, position)

    def add(self, values: Mapping[str, float], images: int) -> None:
        """Values by name, after so many images."""
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(name, value, images)
        self._writer.flush()

    def add_picture(self, name: str, picture: UInt8[Tensor, "height width 3"], images: int) -> None:
        """A picture, after so many images."""
        if self._writer is None:
            return
        self._writer.add_image(name, picture.numpy(), images, dataformats="HWC")
        self._writer.flush()


def _writer(folder: Path, position: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        warnings.warn(
            "tensorboard is not installed, so log.csv and diagnostics.csv are the only record: pip install tensorboard",
            NoTensorBoard,
            stacklevel=4,
        )
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder, purge_step=position + 1 if position else None)

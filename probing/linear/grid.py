"""Vectors of the same images in many cells, read batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

MEMORY = 4 * 2**30  # bytes that may be held; larger grids are read from disk, row by row


class Grid:
    """Features of all images in several cells of one width.

    Args:
        arrays: of each cell (image channel), memory-mapped or in memory.
        memory: bytes that may be held in memory.
    Raises:
        ValueError: the arrays are of different shapes.
    """

    def __init__(self, arrays: Sequence[np.ndarray], *, memory: int = MEMORY) -> None:
        shapes = {array.shape for array in arrays}
        if len(shapes) != 1:
            raise ValueError(f"arrays of shapes {sorted(shapes)}; expected one shape, (image channel)")
        self.arrays = list(arrays)
        ((self.images, self.channels),) = shapes
        fits = len(arrays) * self.images * self.channels * 4 <= memory
        self._held = self._joined(slice(None)) if fits else None

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.arrays)

    def rows(self, images: Tensor) -> Float[Tensor, "batch cell channel"]:
        """Vectors of some images.

        Args:
            images: their numbers (batch).
        """
        return self._joined(images.numpy()) if self._held is None else self._held.index_select(0, images)

    def _joined(self, places: slice | np.ndarray) -> Tensor:
        parts = [np.asarray(array[places], dtype=np.float32) for array in self.arrays]
        return torch.from_numpy(np.stack(parts, axis=1))

"""How the images of a run are cut: batches for the model, chunks of whole batches for the disk."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np

CHUNKS = 64  # that a run has at least, where it has as many batches
LONGEST = 8  # batches of a chunk: what a kill costs at most


@dataclasses.dataclass(frozen=True)
class Plan:
    """The cut, which depends on nothing but these numbers, so that any number of processes makes the same.

    Attributes:
        images: how many there are.
        batch_size: images in a batch; the last may be smaller.
        seed: of the order in which they are taken; None for the order they stand in.
        only: numbers of those that are taken, as many as `images`, in this order; None for all of the collection.

    >>> plan = Plan(images=10, batch_size=4, seed=None)
    >>> plan.chunks, list(plan.batches(2)), plan.numbers(2)
    (3, [2], array([8, 9]))
    """

    images: int
    batch_size: int
    seed: int | None = None
    only: tuple[int, ...] | None = None

    @property
    def length(self) -> int:
        """Batches of a chunk: 1 to 8, so that short runs have many chunks and long ones lose little time to them."""
        return min(max(-(-self._batches // CHUNKS), 1), LONGEST)

    @property
    def chunks(self) -> int:
        """How many there are."""
        return -(-self._batches // self.length)

    @cached_property
    def order(self) -> np.ndarray:
        """Numbers of the images in the order in which they are taken; drawn, every beginning of it is a sample."""
        numbers = np.arange(self.images) if self.only is None else np.array(self.only)
        return numbers if self.seed is None else np.random.default_rng(self.seed).permutation(numbers)

    def batches(self, chunk: int) -> range:
        """Numbers of a chunk's batches."""
        return range(chunk * self.length, min((chunk + 1) * self.length, self._batches))

    def numbers(self, chunk: int) -> np.ndarray:
        """Numbers of a chunk's images, in the order in which they are taken."""
        size = self.length * self.batch_size
        return self.order[chunk * size : (chunk + 1) * size]

    def images_in(self, chunks: int) -> int:
        """Images of the first chunks."""
        return min(chunks * self.length * self.batch_size, self.images)

    def chunks_of(self, images: int) -> int:
        """How many of the first chunks hold that many images, or all chunks."""
        return min(-(-images // (self.length * self.batch_size)), self.chunks)

    @property
    def _batches(self) -> int:
        return -(-self.images // self.batch_size)

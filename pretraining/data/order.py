"""Which image stands where in which batch: the same for any number of processes, and from any position on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

ORDER, SAMPLE = 1, 2  # first word of a seed, so that the order and the views draw from different streams


def order(count: int, *, seed: int, epoch: int) -> Int64[Tensor, "count"]:
    """Permutation of the images in one epoch; another one in each epoch."""
    return torch.from_numpy(np.random.default_rng([ORDER, seed, epoch]).permutation(count))


def steps_per_epoch(count: int, batch: int) -> int:
    """Whole batches in an epoch; the partial one that is left is dropped.

    Raises:
        ValueError: there are fewer images than one batch.

    >>> steps_per_epoch(50_000, 256)
    195
    """
    if count < batch:
        raise ValueError(
            f"{count} images are fewer than one batch of TRAIN.BATCH={batch}; give more images, or a batch of at most "
            f"{count}"
        )
    return count // batch


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankBatches:
    """(epoch, index) of the images in each micro-batch of one process, in the order of training.

    Each batch is cut contiguously: first into `accumulate` steps, each of them into `world` processes. So the
    micro-batches of all ranks, joined in the order of the ranks, are the batch of one process.

    Attributes:
        count: images in the collection.
        batch: images per optimiser step over all processes and accumulation steps.
        epochs: passes over the images, counted from the start of training.
        seed: of the order.
        position: images seen before, over all processes; a multiple of `batch`.
        rank: of this process, from 0 on.
        world: number of processes.
        accumulate: micro-batches per optimiser step.
    Raises:
        ValueError: fewer images than a batch, or a batch or position that cannot be cut.
    """

    count: int
    batch: int
    epochs: int
    seed: int
    position: int = 0
    rank: int = 0
    world: int = 1
    accumulate: int = 1

    def __post_init__(self) -> None:
        steps_per_epoch(self.count, self.batch)
        pieces = self.world * self.accumulate
        if self.batch % pieces:
            raise ValueError(
                f"TRAIN.BATCH={self.batch} cannot be divided by {self.world} processes x TRAIN.ACCUMULATE="
                f"{self.accumulate}; expected a multiple of {pieces}, such as {-(-self.batch // pieces) * pieces}"
            )
        if self.position < 0 or self.position % self.batch:
            raise ValueError(
                f"position={self.position} images seen is no multiple of TRAIN.BATCH={self.batch}; was the batch "
                "changed since the checkpoint was written?"
            )
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank={self.rank}; expected 0 to {self.world - 1} with {self.world} processes")

    def __len__(self) -> int:
        """Micro-batches from the position to the end."""
        steps = steps_per_epoch(self.count, self.batch) * self.epochs - self.position // self.batch
        return max(0, steps) * self.accumulate

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first_epoch, first_step = divmod(self.position // self.batch, steps_per_epoch(self.count, self.batch))
        for epoch in range(first_epoch, self.epochs):
            yield from self._of_epoch(epoch, first_step if epoch == first_epoch else 0)

    def _of_epoch(self, epoch: int, first_step: int) -> Iterator[list[tuple[int, int]]]:
        indices = order(self.count, seed=self.seed, epoch=epoch).tolist()
        size = self.batch // (self.world * self.accumulate)
        for step in range(first_step, steps_per_epoch(self.count, self.batch)):
            for part in range(self.accumulate):
                start = step * self.batch + (part * self.world + self.rank) * size
                yield [(epoch, index) for index in indices[start : start + size]]

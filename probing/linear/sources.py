"""Where the batches of a probe's training come from: cached features, or the model itself on changed images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pretraining.data.order import SAMPLE, order, steps_per_epoch
from pretraining.data.samples import Batch
from pretraining.data.views import View

from ..data import LabelledImages
from ..features.frozen import Cell, Frozen
from .grid import Grid

CROP = (0.08, 1.0)  # share of the image's area, as in the official probes


class Source(Protocol):
    """Batches of a whole training, from any step on; the same ones whoever asks."""

    @property
    def steps_per_epoch(self) -> int: ...
    def batches(
        self, start: int, epochs: int
    ) -> Iterator[tuple[Float[Tensor, "batch cell channel"], Int[Tensor, " batch"]]]:
        """Vectors and classes, from step `start` to the end of the last epoch."""
        ...


class Cached:
    """Batches of features that do not change.

    Args:
        grid: features of all images.
        labels: class of each.
        images: numbers of those to train on.
        batch: images of a step.
        seed: of the order.
    Raises:
        ValueError: fewer images than a batch.
    """

    def __init__(self, grid: Grid, labels: Tensor, images: Tensor, *, batch: int, seed: int) -> None:
        self.grid, self.labels, self.images, self.batch, self.seed = grid, labels, images, batch, seed
        self.steps_per_epoch = steps_per_epoch(len(images), batch)

    def batches(self, start: int, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Vectors and classes, from step `start` to the end of the last epoch."""
        for chosen in chosen_images(self.images, self.batch, self.seed, start=start, epochs=epochs):
            yield self.grid.rows(chosen), self.labels[chosen]


class Augmented:
    """Batches through the frozen model, each image cropped and flipped anew every time.

    Args:
        frozen: gives the vectors.
        cells: which, of one width, in the order of the probes.
        images: to train on, all of them.
        chosen: numbers of those to train on.
        labels: class of each image.
        batch: images of a step.
        seed: of order and crops.
        workers: processes that read images.
        passed_at_once: images that pass the model at once.
    """

    def __init__(
        self,
        frozen: Frozen,
        cells: tuple[Cell, ...],
        images: LabelledImages,
        labels: Tensor,
        chosen: Tensor,
        *,
        batch: int,
        seed: int,
        workers: int = 0,
        passed_at_once: int = 64,
    ) -> None:
        self.frozen, self.cells, self.labels, self.chosen = frozen, cells, labels, chosen
        self.batch, self.seed, self.workers, self.passed_at_once = batch, seed, workers, passed_at_once
        self.steps_per_epoch = steps_per_epoch(len(chosen), batch)
        config: Any = frozen.model.pretrained_cfg
        self._join = Batch(config["mean"], config["std"])
        self._views = _Views(images, config["input_size"][-1], seed)

    def batches(self, start: int, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Vectors and classes, from step `start` to the end of the last epoch."""
        loader = DataLoader(
            self._views,
            batch_sampler=_Parts(self, start, epochs),  # pyright: ignore[reportArgumentType]
            collate_fn=self._join,
            num_workers=self.workers,
        )
        passed = self.frozen.over(batch["image"] for batch in loader)
        for _, chosen in self.numbered(start, epochs):
            parts = [next(passed) for _ in chosen.split(self.passed_at_once)]
            vectors = [torch.cat([part[cell] for part in parts]) for cell in self.cells]
            yield torch.stack(vectors, dim=1), self.labels[chosen]

    def numbered(self, start: int, epochs: int) -> Iterator[tuple[int, Tensor]]:
        """(epoch, numbers of the images) of each step."""
        rest = chosen_images(self.chosen, self.batch, self.seed, start=start, epochs=epochs)
        for step, images in enumerate(rest, start=start):
            yield step // self.steps_per_epoch, images


class _Parts:
    """(epoch, number) of the images that pass the model at once, made as they are needed."""

    def __init__(self, source: Augmented, start: int, epochs: int) -> None:
        self.source, self.start, self.epochs = source, start, epochs

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for epoch, chosen in self.source.numbered(self.start, self.epochs):
            for part in chosen.split(self.source.passed_at_once):
                yield [(epoch, int(image)) for image in part]


class _Views(Dataset[Any]):
    """Crops by (epoch, index): the same whoever asks."""

    def __init__(self, images: LabelledImages, size: int, seed: int) -> None:
        self.images, self.seed = images, seed
        self.view = View(size=size, scale=CROP, bicubic=True)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: tuple[int, int]) -> dict[str, np.ndarray]:
        generator = np.random.default_rng([SAMPLE, self.seed, *place])
        return {"image": np.asarray(self.view(self.images[place[1]], generator))}


def chosen_images(images: Tensor, batch: int, seed: int, *, start: int, epochs: int) -> Iterator[Int[Tensor, " batch"]]:
    """Numbers of the images of each step; an order for each epoch, the partial batch at its end left out."""
    per_epoch = steps_per_epoch(len(images), batch)
    for epoch in range(start // per_epoch, epochs):
        shuffled = images[order(len(images), seed=seed, epoch=epoch)]
        for number in range(start % per_epoch if epoch == start // per_epoch else 0, per_epoch):
            yield shuffled[number * batch : (number + 1) * batch]

"""The fixed images that a training is watched on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor
from yacs.config import CfgNode

from study.data import subset

from ..data.substitutes import from_on, readable

READERS = 8  # threads; decoding a photograph leaves the interpreter free


@dataclasses.dataclass(frozen=True)
class View:
    """From pictures to a normalised batch: shorter side resized to the image size, centre cropped.

    Attributes:
        size: side of the images in pixels.
        mean, std: of the three channels after scaling to [0, 1].
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """(size, size, 3) in 8 bit."""
        if picture.size != (self.size, self.size):
            picture = ImageOps.fit(picture, (self.size, self.size), Image.Resampling.BICUBIC)
        return np.array(picture)

    def batch(self, pictures: Sequence[np.ndarray]) -> Float[Tensor, "batch 3 height width"]:
        """Normalised images of what `pixels` returned."""
        scaled = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().contiguous() / 255
        return (scaled - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]

    @classmethod
    def of(cls, recipe: CfgNode) -> View:
        """As the recipe's encoder expects its images."""
        return cls(recipe.ENCODER.IMG_SIZE, tuple(recipe.DATA.MEAN), tuple(recipe.DATA.STD))


@dataclasses.dataclass(frozen=True)
class Samples:
    """Some images of a collection in a fixed order; read anew each time, so that they take no memory.

    Attributes:
        collection: whose.
        indices: which.
        view: how they are prepared.
        broken: those of them that were warned of.
    """

    collection: Any
    indices: Sequence[int]
    view: View
    broken: set[int] = dataclasses.field(default_factory=set, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.indices)

    def batches(self, size: int) -> Iterator[Float[Tensor, "batch 3 height width"]]:
        """Images in their order; the last batch may be smaller."""
        with ThreadPoolExecutor(READERS) as readers:
            for start in range(0, len(self), size):
                places = range(start, min(start + size, len(self)))
                yield self.view.batch(list(readers.map(self._pixels, places)))

    def _pixels(self, place: int) -> np.ndarray:
        """In place of a broken image stands the next of these of its class."""
        indices, labels = self.indices, self.collection.labels
        own = None if labels is None else labels[indices[place]]
        round_the_end = (indices[number] for number in from_on(place, len(indices)))
        candidates = (index for index in round_the_end if labels is None or labels[index] == own)
        return self.view.pixels(readable(self.collection, candidates, self.broken)[1])


def evenly(collection: Any, count: int, view: View) -> Samples:
    """Samples spread evenly over a collection, all of it where it is smaller."""
    return Samples(collection, subset(len(collection), count, None), view)


def bank_and_queries(collection: Any, queries: Any, bank: int, count: int, view: View) -> tuple[Samples, Samples]:
    """Samples to vote and samples to classify, no image among both.

    Args:
        collection: images that vote.
        queries: images to classify; the same collection is divided, in the proportion of the two numbers.
        bank, count: number of each, at most.
        view: how both are prepared.
    """
    if queries is not collection:
        return evenly(collection, bank, view), evenly(queries, count, view)
    chosen = subset(len(collection), bank + count, None)
    asked = subset(len(chosen), max(1, round(len(chosen) * count / (bank + count))), None)
    voting = sorted({*range(len(chosen))} - {*asked})
    return (
        Samples(collection, [chosen[place] for place in voting], view),
        Samples(collection, [chosen[place] for place in asked], view),
    )

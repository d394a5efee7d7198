"""The masks of a data set as a model's patches see them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from models import TokenLayout
from study.pictures import without_pillow_warnings

from .geometry import MaskTransform, class_counts, covered
from .masks import MaskedImages

CHUNK = 64  # masks that are in memory at once


@dataclasses.dataclass(frozen=True)
class Truth:
    """True classes of the pixels that a model's patches cover.

    Attributes:
        pairs: whose masks.
        transform: from a mask to that of the model's image.
        layout: of its patches.
        readers: threads that read masks.
    """

    pairs: MaskedImages
    transform: MaskTransform
    layout: TokenLayout
    readers: int = 1

    def __len__(self) -> int:
        return len(self.pairs)

    def masks(self, images: Sequence[int]) -> UInt8[Tensor, "image row column"]:
        """Class numbers of the pixels of these images."""
        with without_pillow_warnings(), ThreadPoolExecutor(self.readers) as readers:
            return torch.stack(list(readers.map(self._mask, images)))

    def counts(self) -> Float[Tensor, "image patch class"]:
        """Pixels of each class in each patch, of all images."""
        return torch.cat(list(self._chunks()))

    def _chunks(self) -> Iterator[Tensor]:
        for start in range(0, len(self), CHUNK):
            masks = self.masks(range(start, min(start + CHUNK, len(self))))
            yield class_counts(masks, self.layout, len(self.pairs.classes))

    def _mask(self, index: int) -> UInt8[Tensor, "row column"]:
        return covered(self.transform(self.pairs.checked(index).mask), self.layout)

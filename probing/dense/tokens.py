"""Patch tokens of some images at all chosen layers: from a cache, or from a pass through the model each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from models import TokenLayout
from study.pictures import without_pillow_warnings

from ..features.frozen import TOKENS, Cell, Frozen
from ..features.store import Features
from .masks import MaskedImages


class PatchTokens(Protocol):
    """Tokens of a data set, for training and evaluation.

    Attributes:
        layers: that there are, in order; 0 is the embedding.
        layout: of the tokens of one image.
    """

    @property
    def layers(self) -> tuple[int, ...]: ...
    @property
    def layout(self) -> TokenLayout: ...
    def __len__(self) -> int: ...
    def batch(self, images: Sequence[int]) -> Float[Tensor, "layer image patch channel"]:
        """Patch tokens of these images, in this order."""
        ...


class CachedTokens:
    """Tokens that lie on the disk, memory-mapped.

    Args:
        features: with all tokens of the layers.
        layers: which.
    """

    def __init__(self, features: Features, layers: Sequence[int]) -> None:
        self.layers = tuple(layers)
        self.layout = features.layout
        self._arrays = [features.tokens(layer) for layer in layers]

    def __len__(self) -> int:
        return len(self._arrays[0])

    def batch(self, images: Sequence[int]) -> Float[Tensor, "layer image patch channel"]:
        """Patch tokens of these images, in this order."""
        chosen, prefix = np.asarray(images), self.layout.prefix
        return torch.stack([torch.from_numpy(array[chosen][:, prefix:]) for array in self._arrays])


class PassedTokens:
    """Tokens from a pass of the images through the model, each time they are asked for.

    Args:
        frozen: the model, with all layers' tokens.
        pairs: whose images.
        transform: from a picture to the model's tensor.
        readers: threads that read pictures.
    """

    def __init__(
        self, frozen: Frozen, pairs: MaskedImages, transform: Callable[[Image.Image], Any], *, readers: int = 1
    ) -> None:
        self.layers = tuple(cell.layer for cell in frozen.cells)
        self.layout = frozen.layout
        self._frozen, self._pairs, self._transform, self._readers = frozen, pairs, transform, readers

    def __len__(self) -> int:
        return len(self._pairs)

    def batch(self, images: Sequence[int]) -> Float[Tensor, "layer image patch channel"]:
        """Patch tokens of these images, in this order."""
        with without_pillow_warnings(), ThreadPoolExecutor(self._readers) as readers:
            found = self._frozen(torch.stack(list(readers.map(self._picture, images))))
        tokens = torch.stack([found[Cell(layer, TOKENS)] for layer in self.layers])
        return tokens[:, :, self.layout.prefix :]

    def _picture(self, index: int) -> Tensor:
        return self._transform(self._pairs.checked(index).image)

"""Images as the model is fed, by number: as they are, with noise in a band, with the amplitudes of another one."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from ops.frequency_noise import frequency_noise

from ..data import LabelledImages
from .amplitude_swap import amplitude_swapped

Transform = Callable[[Any], Tensor]


@dataclasses.dataclass(frozen=True)
class Clean(Dataset[Tensor]):
    """Images as `models.image_transform` prepares them.

    Attributes:
        images: by number.
        transform: from a PIL image to a tensor (3 height width).
    """

    images: LabelledImages
    transform: Transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Float[Tensor, "3 height width"]:
        return self.transform(self.images[index])


@dataclasses.dataclass(frozen=True)
class Noisy(Clean):
    """The same images with `ops.frequency_noise`, drawn for each image by itself on the CPU.

    The noise depends on seed, name of the image and band alone: not on batch, order, process, device or the other
    images; epsilon only scales it.

    Attributes:
        frequency: centre of the band in units of pi.
        epsilon: size of the noise before it is filtered, in units of the prepared image.
        width: full width of the band in units of pi.
        seed: of the noise.
    """

    frequency: float
    epsilon: float
    width: float = 0.1
    seed: int = 0

    def __getitem__(self, index: int) -> Float[Tensor, "3 height width"]:
        drawn = seed_of(self.seed, f"{self.frequency:.6f}", self.images.names[index])
        return frequency_noise(
            super().__getitem__(index),
            frequency=self.frequency,
            epsilon=self.epsilon,
            width=self.width,
            generator=torch.Generator().manual_seed(drawn),
        )


@dataclasses.dataclass(frozen=True)
class AmplitudeSwapped(Clean):
    """The same images, each with the amplitudes of an image of another class: see `amplitude_swapped`.

    Which one is drawn from seed and name, among the images that are given.

    Attributes:
        seed: of the draw.
    """

    seed: int = 0

    def __getitem__(self, index: int) -> Float[Tensor, "3 height width"]:
        return amplitude_swapped(super().__getitem__(index), super().__getitem__(self.partner(index)))

    def partner(self, index: int) -> int:
        """Number of the image whose amplitudes an image gets.

        Raises:
            ValueError: all images are of one class, or have no labels.
        """
        labels = self.images.labels
        if labels is None or len(set(labels)) < 2:
            raise ValueError(f"{self.images.where}: expected images of two classes or more, to swap between them")
        draw = random.Random(seed_of(self.seed, "amplitude", self.images.names[index]))
        while labels[chosen := draw.randrange(len(labels))] == labels[index]:
            pass
        return chosen


def seed_of(seed: int, *words: str) -> int:
    """A seed of 63 bits that is the same on every machine and unrelated between different words."""
    digest = hashlib.sha256("\n".join([str(seed), *words]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1

"""Images with a mask of class numbers: pairs in a fixed order, each checked when it is read."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from study.archive import Source
from study.pictures import picture, without_pillow_warnings

if TYPE_CHECKING:
    from jaxtyping import UInt8

VOID = 255
"""Number of pixels that belong to no class: they are neither learned nor counted."""
CLASS_MODES = ("1", "L", "P", "I", "I;16")  # of Pillow, with one number for each pixel


class Pair(NamedTuple):
    """An image and the class of each of its pixels."""

    image: Image.Image
    mask: UInt8[np.ndarray, "row column"]


@dataclasses.dataclass(frozen=True)
class MaskedImages(Sequence[Pair]):
    """Pairs of image and mask in a fixed order.

    Attributes:
        where: what was opened.
        names: of the pairs.
        classes: name of each class number.
        digest: sha256 over names and sizes of all files, or over what the pairs are drawn from.
        image_digest: the same of the images alone.
        read: the pair of a number.
        unmatched: files that are no pair, and so are left out.
    """

    where: str
    names: tuple[str, ...] = dataclasses.field(repr=False)
    classes: tuple[str, ...]
    digest: str
    image_digest: str
    read: Callable[[int], tuple[Image.Image, np.ndarray]] = dataclasses.field(repr=False)
    unmatched: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The pair of a number.

        Raises:
            ValueError: the mask has another size than the image, or a number that is no class.
        """
        with without_pillow_warnings():
            return self.checked(index)

    def checked(self, index: int) -> Pair:
        """The same for threads, around which Pillow's warnings are switched off."""
        image, mask = self.read(index)
        self._check(self.names[index], image, mask)
        return Pair(image, mask.astype(np.uint8))

    def _check(self, name: str, image: Image.Image, mask: np.ndarray) -> None:
        if mask.shape != (image.height, image.width):
            raise ValueError(
                f"{self.where}: the mask of {name} has {mask.shape[1]} x {mask.shape[0]} px, its image "
                f"{image.width} x {image.height}; a mask needs one class number for each pixel of its image"
            )
        numbers = np.unique(mask)
        wrong = numbers[(numbers != VOID) & ((numbers < 0) | (numbers >= len(self.classes)))]
        if len(wrong):
            raise ValueError(
                f"{self.where}: the mask of {name} holds class {wrong[-1]}, but there are {len(self.classes)}, 0 to "
                f"{len(self.classes) - 1} ({VOID} is ignored): give the names of all classes (--classes), or mend the "
                "mask"
            )


@dataclasses.dataclass(frozen=True)
class JustImages(Sequence[Image.Image]):
    """The images of pairs, as whatever passes images through a model takes them.

    Attributes:
        pairs: whose images they are.
    """

    pairs: MaskedImages

    @property
    def labels(self) -> tuple[int, ...]:
        """0 for each image: there is but one class."""
        return (0,) * len(self.pairs)

    @property
    def where(self) -> str:
        """What was opened."""
        return self.pairs.where

    @property
    def names(self) -> tuple[str, ...]:
        """Of the images."""
        return self.pairs.names

    @property
    def classes(self) -> tuple[str, ...]:
        """One that stands for all: images with masks have no class of their own."""
        return ("-",)

    @property
    def digest(self) -> str:
        """Of the images alone: other masks leave what a model makes of the images as it is."""
        return self.pairs.image_digest

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Image.Image:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.pairs[index].image


def image_and_mask(image: Source, mask: Source) -> tuple[Image.Image, np.ndarray]:
    """The picture in RGB and the class numbers of its mask, read from their files.

    Raises:
        OSError: a file cannot be read.
        ValueError: one of them is no picture, or the mask is one of colours.
    """
    try:
        return picture(image.read()), class_numbers(mask.read())
    except ValueError as error:
        raise ValueError(f"{image.name} with mask {mask.name}: {error}") from error


def class_numbers(content: bytes) -> np.ndarray:
    """Class numbers of a mask's file; of a palette its indices, not its colours.

    Raises:
        ValueError: it is no picture, or has more than one channel.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            mode, numbers = opened.mode, np.array(opened)
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for broken PNGs
        raise ValueError(f"the mask cannot be read ({error})") from error
    if mode not in CLASS_MODES:
        raise ValueError(
            f"the mask is a picture of mode {mode}; expected one class number for each pixel (grey or palette PNG, "
            f"{VOID} where there is no class)"
        )
    return numbers.astype(np.int64)


def files_digest(files: Iterable[Source]) -> str:
    """sha256 over names and sizes of files, in hexadecimal digits."""
    return hashlib.sha256("".join(f"{file.size()}  {file.name}\n" for file in files).encode()).hexdigest()

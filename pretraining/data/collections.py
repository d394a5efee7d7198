"""Images to train on: folders, zips and torchvision's data sets; small pictures are decoded once and stay in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from study.archive import Source
from study.data import image_files, subset
from study.labels import folder_classes, numbered
from study.pictures import UnreadablePicture, picture, without_pillow_warnings

from .datasets import Dataset, dataset, folder_of
from .reading import READ_ERRORS, broken_files, report, small_pictures

CHECKED = 20_000  # collections of large pictures up to this are read once, so that broken ones are known at the start


@dataclasses.dataclass(frozen=True)
class Collection(Sequence[Image.Image]):
    """Images in a fixed order; `collection[i]` is a PIL image in RGB.

    Attributes:
        where: what was opened.
        names: of the images, with `/`.
        labels: number of the class of each, or None.
        classes: names of the classes; empty without labels.
        digest: sha256 over the names and sizes of the files, or over a data set's pictures.
        pixels: all pictures in 8 bit, where they are in memory; else None.
        sources: where the bytes of each image are; empty where the pictures came decoded.
    """

    where: str
    names: tuple[str, ...] = dataclasses.field(repr=False)
    labels: tuple[int, ...] | None = dataclasses.field(repr=False)
    classes: tuple[str, ...] = dataclasses.field(repr=False)
    digest: str
    pixels: UInt8[Tensor, "image row column 3"] | None = dataclasses.field(repr=False)
    sources: tuple[Source, ...] = dataclasses.field(repr=False, default=())

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Image.Image:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self.pixels is not None:
            return Image.fromarray(self.pixels[index].numpy())
        try:
            with without_pillow_warnings():
                return picture(self.sources[index].read())
        except UnreadablePicture as error:
            raise UnreadablePicture(f"{self.where}: {self.names[index]} is no readable image ({error})") from error
        except READ_ERRORS as error:
            raise OSError(
                f"{self.where}: {self.names[index]} could not be read ({error}); put it back where it was, and the "
                "same command goes on"
            ) from error


def open_collection(where: str | os.PathLike[str], *, limit: int | None = None, cache: bool = True) -> Collection:
    """Images of a folder, a zip, a folder inside a zip (`cifar10.zip/train`) or a data set of torchvision.

    Pictures of one size that fit in 4 GiB are decoded here and stay in memory; up to 20,000 others are read once.
    Broken files among them are named in a warning and left out. Larger collections are only listed: a broken file is
    named when a training meets it, which takes the next readable image in its place.

    Args:
        where: a path, or `cifar10`, `cifar100`, `stl10` (its 100,000 unlabelled images), `stl10-train`, `-test` after
            the name for test images, with or without `:FOLDER`; or `imagenet:FOLDER`, `imagenet-val:FOLDER`. Folders
            right below a path are the classes, when all images lie in such.
        limit: number of images, evenly spaced over all; None or 0 takes all.
        cache: whether small pictures stay in memory.
    Raises:
        OSError: there is no such folder or file, or a data set could not be fetched.
        ValueError: nothing given, a single file, no images, none of them readable.
    """
    if not str(where):
        raise ValueError("no images named; expected a folder or zip of images, or cifar10, cifar100, stl10, imagenet")
    known = dataset(str(where))
    if known is not None:
        return _from_dataset(str(where), known, limit)
    return _readable(_listed(str(where), limit), cache)


def _listed(where: str, limit: int | None) -> Collection:
    """The files, unread."""
    found = image_files(folder_of(where))
    classes = folder_classes([source.name for source in found], where)
    numbers, class_names = ([], []) if classes is None else numbered(classes)
    chosen = subset(len(found), limit or None, None)
    sources = tuple(found[index] for index in chosen)
    return Collection(
        where=where,
        names=tuple(source.name for source in sources),
        labels=None if classes is None else tuple(numbers[index] for index in chosen),
        classes=tuple(class_names),
        digest=_digest(sources),
        pixels=None,
        sources=sources,
    )


def _readable(listed: Collection, cache: bool) -> Collection:
    """Without the files that cannot be read, and with the pictures in memory where they are small."""
    decoded = small_pictures(listed.sources) if cache else None
    if decoded is None and len(listed) > CHECKED:
        return listed
    pixels, broken = decoded or (None, broken_files(listed.sources))
    report(broken, listed.names, listed.where)
    kept = [index for index in range(len(listed)) if index not in broken]
    return dataclasses.replace(
        listed,
        names=tuple(listed.names[index] for index in kept),
        labels=None if listed.labels is None else tuple(listed.labels[index] for index in kept),
        pixels=pixels,
        sources=() if pixels is not None else tuple(listed.sources[index] for index in kept),
    )


def _from_dataset(where: str, known: Dataset, limit: int) -> Collection:
    chosen = subset(len(known.pixels), limit or None, None)
    pixels = known.pixels if len(chosen) == len(known.pixels) else known.pixels[chosen]
    return Collection(
        where=where,
        names=tuple(f"{index:06d}" for index in chosen),
        labels=None if known.labels is None else tuple(known.labels[index] for index in chosen),
        classes=known.classes,
        digest=hashlib.sha256(pixels.numpy()).hexdigest(),
        pixels=pixels,
    )


def _digest(sources: Sequence[Source]) -> str:
    return hashlib.sha256("".join(f"{source.size()}  {source.name}\n" for source in sources).encode()).hexdigest()

"""Images to train on: folders, zips and torchvision's data sets; small pictures are decoded once and stay in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from study.archive import Source
from study.data import BrokenImages, image_files, subset
from study.labels import folder_classes, numbered
from study.pictures import UnreadablePicture, picture, without_pillow_warnings

from .datasets import Dataset, dataset, folder_of

SHOWN = 5  # broken files named in the warning
CACHED_BYTES = 4 * 2**30  # pictures of one size that take no more than this stay in memory
READ_ERRORS = (OSError, UnreadablePicture, RuntimeError)  # RuntimeError: an encrypted member of a zip


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
            return picture(self.sources[index].read())
        except READ_ERRORS as error:
            raise ValueError(
                f"{self.where}: {self.names[index]} could not be read ({error}); replace or remove it, and go on from "
                "the last checkpoint"
            ) from error


def open_collection(where: str | os.PathLike[str], *, limit: int | None = None, cache: bool = True) -> Collection:
    """Images of a folder, a zip, a folder inside a zip (`cifar10.zip/train`) or a data set of torchvision.

    Pictures of one size that fit in 4 GiB are decoded here, and the broken ones among them are named and left out.
    Larger collections are only listed; there a broken file stops the training when it is met, and is named then.

    Args:
        where: a path, or `cifar10`, `cifar100`, `stl10` (its 100,000 unlabelled images) with or without `:FOLDER`, or
            `imagenet:FOLDER`; `-test` (`imagenet-val`) after the name for the other images. Folders right below a path
            are the classes, when all images lie in such.
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
    found = image_files(folder_of(str(where)))
    classes = folder_classes([source.name for source in found], str(where))
    numbers, class_names = ([], []) if classes is None else numbered(classes)
    chosen = subset(len(found), limit or None, None)
    listed = Collection(
        where=str(where),
        names=tuple(found[index].name for index in chosen),
        labels=None if classes is None else tuple(numbers[index] for index in chosen),
        classes=tuple(class_names),
        digest=_digest([found[index] for index in chosen]),
        pixels=None,
        sources=tuple(found[index] for index in chosen),
    )
    return in_memory(listed) if cache else listed


def in_memory(collection: Collection) -> Collection:
    """The collection with its pictures decoded, without the broken ones; as it is where they are too large or differ.

    Raises:
        ValueError: no picture can be read.
    """
    pixels, broken, kept = None, [], []
    with without_pillow_warnings():
        for index, source in enumerate(collection.sources):
            try:
                decoded = np.asarray(picture(source.read()))
            except READ_ERRORS as error:
                broken.append((source.name, str(error) or type(error).__name__))
                continue
            if pixels is None:
                if decoded.nbytes * len(collection) > CACHED_BYTES:
                    return collection
                pixels = np.empty((len(collection), *decoded.shape), dtype=np.uint8)
            if decoded.shape != pixels.shape[1:]:
                return collection
            pixels[len(kept)] = decoded
            kept.append(index)
    _report(broken, len(collection), collection.where)
    return _kept(collection, kept, torch.from_numpy(pixels[: len(kept)]))


def _kept(collection: Collection, kept: list[int], pixels: Tensor) -> Collection:
    return dataclasses.replace(
        collection,
        names=tuple(collection.names[index] for index in kept),
        labels=None if collection.labels is None else tuple(collection.labels[index] for index in kept),
        pixels=pixels,
        sources=(),
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


def _report(broken: Sequence[tuple[str, str]], count: int, where: str) -> None:
    if not broken:
        return
    listed = "; ".join(f"{name}: {reason}" for name, reason in broken[:SHOWN])
    more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    text = f"{len(broken)} of {count} files in {where} could not be read and are left out: {listed}{more}"
    if len(broken) == count:
        raise ValueError(f"no readable image: {text}")
    warnings.warn(text, BrokenImages, stacklevel=4)

"""Pairs from a folder or zip that holds `images` and `masks`, matched by the names without their endings."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from study.archive import Source
from study.data import image_files, subset
from study.pictures import without_pillow_warnings

from .masks import VOID, MaskedImages, class_numbers, files_digest, image_and_mask

SHOWN = 5  # unmatched files named in the warning; all stand in `.unmatched`


class UnmatchedFiles(UserWarning):
    """Some images have no mask, or some masks no image."""


@dataclasses.dataclass(frozen=True)
class FilePairs:
    """Reads pairs of files.

    Attributes:
        images: files of the images.
        masks: files of their masks, in the same order.
    """

    images: tuple[Source, ...]
    masks: tuple[Source, ...]

    def __call__(self, index: int) -> tuple[Image.Image, np.ndarray]:
        return image_and_mask(self.images[index], self.masks[index])


def folder_pairs(where: str, *, limit: int | None = None, classes: Sequence[str] | None = None) -> MaskedImages:
    """Pairs of `where/images` and `where/masks`; each is read once here, so that wrong ones are known at the start.

    Args:
        where: a folder, a zip, or a folder inside one.
        limit: number of pairs, evenly spaced over the sorted list.
        classes: names of the classes from 0 on; None names them by number, up to the highest in the masks.
    Raises:
        OSError: there is no such folder.
        ValueError: no pair, two images of one name, or a pair that is wrong; the text names it.
    """
    images = _by_stem(image_files(f"{where}/images"), f"{where}/images")
    masks = _by_stem(image_files(f"{where}/masks"), f"{where}/masks")
    both = sorted(images.keys() & masks.keys())
    alone = [f"images/{images[stem].name}" for stem in sorted(images.keys() - masks.keys())]
    alone += [f"masks/{masks[stem].name}" for stem in sorted(masks.keys() - images.keys())]
    _report(alone, len(both), where)
    chosen = [both[index] for index in subset(len(both), limit, None)]
    files = FilePairs(tuple(images[stem] for stem in chosen), tuple(masks[stem] for stem in chosen))
    pairs = MaskedImages(
        where=where,
        names=tuple(file.name for file in files.images),
        classes=tuple(_numbered(files.masks) if classes is None else classes),
        digest=files_digest(files.images + files.masks),
        image_digest=files_digest(files.images),
        read=files,
        unmatched=tuple(alone),
    )
    _in_threads(pairs.checked, range(len(pairs)))
    return pairs


def _by_stem(files: Sequence[Source], where: str) -> dict[str, Source]:
    """The files by their relative path without its ending."""
    found: dict[str, Source] = {}
    for file in files:
        stem = str(Path(file.name).with_suffix(""))
        if stem in found:
            raise ValueError(f"{where} holds {found[stem].name} and {file.name}: expected one file of each name")
        found[stem] = file
    return found


def _report(alone: Sequence[str], pairs: int, where: str) -> None:
    if not alone and pairs:
        return
    listed = ", ".join(alone[:SHOWN]) + (f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else "")
    if not pairs:
        raise ValueError(
            f"{where} holds no pairs: no file in images has the name of one in masks (endings apart); unmatched are "
            f"{listed}"
        )
    warnings.warn(f"{where}: {len(alone)} files have no partner and are left out: {listed}", UnmatchedFiles, 3)


def _numbered(masks: Sequence[Source]) -> list[str]:
    """Names of the classes 0 to the highest number in the masks, at least two."""
    return [str(number) for number in range(max(1, *_in_threads(_top, masks)) + 1)]


def _top(mask: Source) -> int:
    try:
        numbers = class_numbers(mask.read())
    except ValueError as error:
        raise ValueError(f"{mask.name}: {error}") from error
    return int(numbers[numbers != VOID].max(initial=0))


def _in_threads(function: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    with without_pillow_warnings(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, values))

"""Oxford-IIIT Pet and PASCAL VOC 2012 through torchvision, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pretraining.data.datasets import named
from study.archive import File
from study.data import subset

from .masks import VOID, MaskedImages, files_digest, image_and_mask

PET_CLASSES = ("background", "pet")
PET_NUMBERS = {1: 1, 2: 0, 3: VOID}
"""Of a trimap 1 is the pet, 2 the background; 3, the border, the data set calls "not classified": it is left out."""
VOC_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""In the order of the numbers in its masks; the contour that they leave undecided is 255."""
AS_THEY_ARE = np.arange(VOID + 1)

FilePair = tuple[File, File]


@dataclasses.dataclass(frozen=True)
class Renumbered:
    """Reads pairs of files whose masks have other numbers.

    Attributes:
        files: images and masks.
        table: class of each number, 0 to 255.
    """

    files: tuple[FilePair, ...]
    table: np.ndarray

    def __call__(self, index: int) -> tuple[Image.Image, np.ndarray]:
        image, mask = image_and_mask(*self.files[index])
        return image, self.table[mask]


@dataclasses.dataclass(frozen=True)
class Known:
    """A data set as torchvision finds it.

    Attributes:
        files: images and masks.
        classes: their names.
        table: class of each number in a mask.
    """

    files: tuple[FilePair, ...]
    classes: tuple[str, ...]
    table: np.ndarray


def named_pairs(where: str, *, limit: int | None = None) -> MaskedImages | None:
    """The pairs that `pets`, `pets-test`, `voc` or `voc-val` stands for, alone or with `:FOLDER`; else None.

    Raises:
        OSError: it is not in the folder and could not be fetched; the text says what to put where.
    """
    known = named(where, _READERS, _ARCHIVES)
    if known is None:
        return None
    kept = tuple(known.files[index] for index in subset(len(known.files), limit, None))
    return MaskedImages(
        where=where,
        names=tuple(image.name for image, _ in kept),
        classes=known.classes,
        digest=files_digest(file for pair in kept for file in pair),
        image_digest=files_digest(image for image, _ in kept),
        read=Renumbered(kept, known.table),
    )


def _pets(split: str, root: Path) -> Known:
    from torchvision.datasets import OxfordIIITPet

    found: Any = _whole(lambda download: OxfordIIITPet(root, split, "segmentation", download=download))
    table = AS_THEY_ARE.copy()
    for number, meant in PET_NUMBERS.items():
        table[number] = meant
    return _known(found._images, found._segs, PET_CLASSES, table)


def _voc(split: str, root: Path) -> Known:
    from torchvision.datasets import VOCSegmentation

    found: Any = _whole(lambda download: VOCSegmentation(root, "2012", split, download=download))
    return _known(found.images, found.masks, VOC_CLASSES, AS_THEY_ARE)


def _whole(opened: Callable[[bool], Any]) -> Any:
    """What is there already, else what can be fetched; torchvision would unpack VOC again each time."""
    try:
        return opened(False)
    except (RuntimeError, OSError):
        return opened(True)


def _known(
    images: Sequence[str | Path], masks: Sequence[str | Path], classes: tuple[str, ...], table: np.ndarray
) -> Known:
    """The pairs; raises FileNotFoundError where one of the files is missing."""
    files = tuple((_file(image), _file(mask)) for image, mask in zip(images, masks, strict=True))
    files_digest(file for pair in files for file in pair)
    return Known(files, classes, table)


def _file(path: str | Path) -> File:
    return File(Path(path).name, Path(path))


_READERS: dict[str, Callable[[Path], Known]] = {
    "pets": lambda root: _pets("trainval", root),
    "pets-test": lambda root: _pets("test", root),
    "voc": lambda root: _voc("train", root),
    "voc-val": lambda root: _voc("val", root),
}
_ARCHIVES = {
    "pets": "images.tar.gz and annotations.tar.gz (robots.ox.ac.uk/~vgg/data/pets, into a folder oxford-iiit-pet)",
    "voc": "VOCtrainval_11-May-2012.tar (host.robots.ox.ac.uk/pascal/VOC/voc2012, folder VOCdevkit)",
}

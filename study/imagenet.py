"""Whether images are ImageNet's validation images, on which the paper measured."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .data import Images

COUNT = 50_000
_NAME = re.compile(r"ILSVRC2012_val_(\d{8})")
_SYNSET = re.compile(r"n\d{8}")


def is_imagenet_validation(images: Images) -> bool:
    """Whether they are ImageNet-1k's validation images, or some of the whole of them.

    The folder or zip must hold 50,000 images, and those chosen must have the official names, ILSVRC2012_val_00000001
    to ILSVRC2012_val_00050000, flat or in folders of synsets (n01440764). Files of other names, Imagenette's and
    samples of ImageNet are not. The pixels are not compared: a resized copy of all of them under the same names passes.

    Args:
        images: of `open_images`.
    """
    return images.found == COUNT and all(map(_is_official, images.names))


def _is_official(name: str) -> bool:
    path = PurePosixPath(name)
    number = _NAME.fullmatch(path.stem)
    placed = len(path.parts) == 1 or (len(path.parts) == 2 and _SYNSET.fullmatch(path.parts[0]) is not None)
    return number is not None and placed and 1 <= int(number[1]) <= COUNT

"""What a cue-conflict image shows, read from its name: the shape of one class, the texture of another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from .sixteen_classes import SIXTEEN

NAME = re.compile(r"(?P<shape>[a-z]+)\d+-(?P<texture>[a-z]+)\d+")


class Cues(NamedTuple):
    """The two classes of an image, by name."""

    shape: str
    texture: str


def cues_of(name: str) -> Cues:
    """Shape and texture from a path such as `cat/cat1-elephant2.jpg`; the folder, where there is one, is the shape.

    Raises:
        ValueError: the name does not say both, names an unknown class, or its folder says another shape.

    >>> cues_of("cat/cat1-elephant2.jpg")
    Cues(shape='cat', texture='elephant')
    """
    path = PurePosixPath(name)
    found = NAME.fullmatch(path.stem)
    if found is None:
        raise ValueError(
            f"{name} does not say its shape and texture; expected names such as cat1-elephant2.jpg: shape, its number, "
            "texture, its number"
        )
    cues = Cues(**found.groupdict())
    unknown = [cue for cue in cues if cue not in SIXTEEN]
    if unknown:
        raise ValueError(f"{name}: {', '.join(unknown)} is none of the 16 classes {', '.join(SIXTEEN)}")
    if len(path.parts) > 1 and path.parts[-2] != cues.shape:
        raise ValueError(
            f"{name} lies in folder {path.parts[-2]} and says shape {cues.shape}; expected both to agree, or a folder "
            "that holds all images directly"
        )
    return cues


def cue_numbers(names: Sequence[str]) -> tuple[Int[Tensor, " image"], Int[Tensor, " image"]]:
    """(shape, texture) of each image as class numbers in the order of `SIXTEEN`.

    Raises:
        ValueError: as `cues_of`; or no image has a shape that differs from its texture.
    """
    cues = [cues_of(name) for name in names]
    shape, texture = (torch.tensor([SIXTEEN.index(cue[which]) for cue in cues], dtype=torch.long) for which in (0, 1))
    if not (shape != texture).any():
        raise ValueError(
            f"none of {len(names)} images has the shape of one class and the texture of another: there is no conflict "
            "to decide (a small --limit may drop them)"
        )
    return shape, texture

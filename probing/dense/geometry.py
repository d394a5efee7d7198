"""Masks by the same geometry as their images, and what each patch holds of every class."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from timm.data.transforms import CenterCropOrPad, MaybeToTensor, ResizeKeepRatio
from torch import Tensor
from torchvision.transforms import CenterCrop, InterpolationMode, Normalize, Resize, ToTensor

from models import TokenLayout

from .masks import VOID

MOVING = (Resize, ResizeKeepRatio, CenterCrop, CenterCropOrPad)
COLOURING = (Normalize, MaybeToTensor, ToTensor)

MaskTransform = Callable[[np.ndarray], UInt8[Tensor, "row column"]]


def mask_transform(transform: Any) -> MaskTransform:
    """From the mask of an image to the mask of what the model sees: the image's own steps, with the nearest pixel.

    Args:
        transform: of `models.image_transform(model)`: resizing and centre crop, then tensor and normalisation.
    Returns:
        A function of class numbers (row column); pixels that the crop adds around the image are void.
    Raises:
        ValueError: a step is none of these.
    """
    unknown = [step for step in transform.transforms if not isinstance(step, MOVING + COLOURING)]
    if unknown:
        raise ValueError(
            f"the model's images are prepared by {unknown[0]}, of which no mask can be made; expected resizing, centre "
            "crop and normalisation"
        )
    return _Moved([_nearest(step) for step in transform.transforms if isinstance(step, MOVING)])


class _Moved:
    """The steps on class numbers plus one, so that the crop's zeros around an image are void."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def __call__(self, mask: np.ndarray) -> UInt8[Tensor, "row column"]:
        moved = Image.fromarray(mask.astype(np.uint8) + np.uint8(1))  # VOID + 1 is 0 in 8 bit
        for step in self.steps:
            moved = step(moved)
        return torch.from_numpy(np.array(moved) - np.uint8(1))


def _nearest(step: Any) -> Any:
    step = copy.deepcopy(step)
    if isinstance(step, Resize | ResizeKeepRatio):
        step.interpolation = InterpolationMode.NEAREST
    if isinstance(step, CenterCropOrPad):  # else around the mask there is the images' mean colour
        step.fill, step.padding_mode = 0, "constant"
    return step


def covered(mask: UInt8[Tensor, "*batch row column"], layout: TokenLayout) -> UInt8[Tensor, "*batch row column"]:
    """The mask of exactly the patches: what lies right of and below them is cut off, what they reach beyond is void.

    >>> covered(torch.zeros(5, 3, dtype=torch.uint8), TokenLayout(1, 0, (2, 2), 2)).tolist()
    [[0, 0, 0, 255], [0, 0, 0, 255], [0, 0, 0, 255], [0, 0, 0, 255]]
    """
    rows, columns = pixels(layout)
    cut = mask[..., :rows, :columns]
    around = (0, columns - cut.shape[-1], 0, rows - cut.shape[-2])
    return torch.nn.functional.pad(cut, around, value=VOID)


def pixels(layout: TokenLayout) -> tuple[int, int]:
    """(height, width) of the patch grid in pixels."""
    height, width = patch_sides(layout)
    return layout.grid[0] * height, layout.grid[1] * width


def patch_sides(layout: TokenLayout) -> tuple[int, int]:
    """(height, width) of a patch in pixels."""
    size = layout.patch_size
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def class_counts(
    mask: UInt8[Tensor, "*batch row column"], layout: TokenLayout, classes: int
) -> Float[Tensor, "*batch patch class"]:
    """How many pixels of each class a patch holds, patches row by row; void pixels are not counted.

    >>> mask = torch.tensor([[0, 1, 1, 255], [0, 0, 1, 255]], dtype=torch.uint8)
    >>> class_counts(mask, TokenLayout(1, 0, (1, 2), 2), 2).tolist()
    [[3.0, 1.0], [0.0, 2.0]]
    """
    height, width = patch_sides(layout)
    whole = covered(mask, layout)
    patches = whole.unflatten(-2, (-1, height)).unflatten(-1, (-1, width)).movedim(-2, -3).flatten(-2).flatten(-3, -2)
    return torch.stack([(patches == number).sum(-1) for number in range(classes)], dim=-1).float()

"""The size of a model's images, and position tables that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .blueprint import Sizes
from .families import Family
from .positions import resized_positions, resized_relative_bias

ImageSize = int | tuple[int, int]


def checked_pair(img_size: ImageSize | None) -> tuple[int, int] | None:
    """(height, width) of a size given as one side or as two.

    Raises:
        ValueError: a side is below 1.
    """
    if img_size is None:
        return None
    height, width = (img_size, img_size) if isinstance(img_size, int) else img_size
    if height < 1 or width < 1:
        raise ValueError(f"img_size={img_size!r}: expected a side or (height, width) in pixels, above 0")
    return height, width


def own_img_size(size: Sizes, file: str) -> tuple[int, int]:
    """(height, width) in pixels of the images that weights were trained on.

    Raises:
        ValueError: the number of patches is not square, so the file does not tell.
    """
    if size.grid is None:
        raise ValueError(
            f"{file}: the file does not tell its grid ({size.patches} patches); "
            "load_model(path, img_size=(height, width)) is told the size of its own images"
        )
    return size.grid[0] * size.patch_size[0], size.grid[1] * size.patch_size[1]


def img_size_of(model: Any) -> tuple[int, int]:
    """(height, width) in pixels that a timm model was built for."""
    height, width = model.patch_embed.img_size
    return height, width


def check_tiles(img_size: tuple[int, int], patch: tuple[int, int]) -> None:
    """Raise ValueError where patches do not tile the images."""
    if any(side % step for side, step in zip(img_size, patch, strict=True)):
        nearest = tuple(max(1, round(side / step)) * step for side, step in zip(img_size, patch, strict=True))
        raise ValueError(
            f"img_size={img_size} is no multiple of the patch {patch}: the border would be lost; "
            f"the nearest is {nearest}"
        )


def resized(
    state: Mapping[str, torch.Tensor], size: Sizes, img_size: tuple[int, int], family: Family, file: str
) -> dict[str, torch.Tensor]:
    """The weights with every position table at the grid of `img_size`, the family's own way.

    Args:
        state: weights under timm's names.
        size: their sizes.
        img_size: (height, width) in pixels.
        family: how its code resizes positions.
        file: what to call the weights in an error.
    Raises:
        ValueError: the patches do not tile the images, or the weights' own grid is not known.
    """
    check_tiles(img_size, size.patch_size)
    new = (img_size[0] // size.patch_size[0], img_size[1] // size.patch_size[1])
    changed = dict(state)
    if size.patches is None:
        return changed
    if size.grid is None:
        raise ValueError(
            f"{file}: its {size.patches} patches make no square grid and cannot be resized to "
            f"{new[0]} x {new[1]}; load_model(path, img_size=(height, width)) is told the size of its own images"
        )
    if "pos_embed" in state:
        changed["pos_embed"] = resized_positions(
            state["pos_embed"], old=size.grid, new=new, prefix=size.position_prefix, how=family.positions
        )
    for name in state:
        if name.endswith("relative_position_bias_table"):
            changed[name] = resized_relative_bias(state[name], old=size.grid, new=new)
    return changed

"""What a method paints behind its mask, as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from study.atomic import replacing

from .untouched import untouched

ROWS = ("original", "seen", "painted")
GREY = 0.5  # of masked patches, in the picture's range from 0 to 1
GAP = 2  # pixels between pictures
INCHES = 0.9  # of each picture
MARGIN = 0.8  # inches for the rows' names


def picture_file(tiles: UInt8[Tensor, "3 image height width 3"], path: str | os.PathLike[str]) -> Path:
    """Write the rows of `reconstructions` as a PNG with their names."""
    picture = mosaic(tiles)
    height, width = picture.shape[:2]
    side = tiles.shape[2]
    figure = Figure(figsize=(INCHES * width / side + MARGIN, INCHES * height / side), dpi=150)
    left = MARGIN / figure.get_figwidth()
    ax = figure.add_axes((left, 0, 1 - left, 1))
    ax.imshow(picture.numpy(), interpolation="nearest")
    ax.set_yticks([row * (side + GAP) + side / 2 for row in range(len(ROWS))], ROWS, fontsize=9)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    with replacing(path) as part:
        figure.savefig(part, format="png")
    return Path(path)


def reconstructions(
    objective: Any, batch: Mapping[str, Tensor], mean: Sequence[float], std: Sequence[float]
) -> UInt8[Tensor, "3 image height width 3"] | None:
    """Originals, seen and painted pictures in 8 bit; None where the method paints nothing.

    The visible patches of the painted ones are those of the original: what a method paints there is not trained.
    """
    device = next(objective.parameters()).device
    with untouched(objective):
        moved = {name: value.to(device) for name, value in batch.items()}
        painted = objective.reconstruction(moved)
        if painted is None:
            return None
        hidden = _hidden(objective, moved, painted.shape[-1])
    original = _unit(moved["image"], mean, std)
    seen = torch.where(hidden, torch.tensor(GREY, device=device), original)
    rows = torch.stack([original, seen, torch.where(hidden, _unit(painted, mean, std), original)])
    return (rows * 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2).cpu()


def mosaic(tiles: UInt8[Tensor, "row image height width 3"]) -> UInt8[Tensor, "y x 3"]:
    """All pictures in one, white between them.

    >>> mosaic(torch.zeros(3, 4, 32, 32, 3, dtype=torch.uint8)).shape
    torch.Size([100, 134, 3])
    """
    rows, images, height, width = tiles.shape[:4]
    sheet = torch.full((rows, height + GAP, images, width + GAP, 3), 255, dtype=torch.uint8)
    sheet[:, :height, :, :width] = tiles.transpose(1, 2)
    return sheet.flatten(0, 1).flatten(1, 2)[:-GAP, :-GAP]


def _hidden(objective: Any, batch: Mapping[str, Tensor], side: int) -> Bool[Tensor, "image 1 height width"]:
    """Which pixels the method does not see."""
    if "mask" in batch:
        mask = batch["mask"].bool()
    else:
        place = batch["noise"].argsort(dim=1).argsort(dim=1)
        mask = (place >= objective.kept).unflatten(1, objective.encoder.patch_embed.grid_size)
    patch = side // mask.shape[-1]
    return mask.repeat_interleave(patch, 1).repeat_interleave(patch, 2).unsqueeze(1)


def _unit(
    images: Float[Tensor, "image 3 height width"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "image 3 height width"]:
    """Normalised pixels as values from 0 to 1."""
    scale, shift = (torch.tensor(list(values), device=images.device)[:, None, None] for values in (std, mean))
    return (images.detach().float() * scale + shift).clamp(0, 1)

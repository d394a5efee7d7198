"""Position tables at another grid, each resized as its family's own code does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.layers import (
    resample_abs_pos_embed,  # pyright: ignore[reportPrivateImportUsage]
    resize_rel_pos_bias_table,  # pyright: ignore[reportPrivateImportUsage]
)
from torch import Tensor

from .families import Positions

DINO_OFFSET = 0.1  # DINO adds it to the new side, so that rounding never loses a row of patches
RELATIVE_PREFIX_ROWS = 3  # class to token, token to class, class to class


def resized_positions(
    table: Float[Tensor, "1 token channel"],
    *,
    old: tuple[int, int],
    new: tuple[int, int],
    prefix: int,
    how: Positions,
) -> Float[Tensor, "1 new_token channel"]:
    """An absolute position table at another grid; the rows of prefix tokens stay.

    Args:
        table: prefix rows first, then the patches row by row.
        old, new: (rows, columns) of the grid.
        prefix: number of prefix rows in the table.
        how: "bicubic" is MAE's (no antialias), "scale_factor" DINO's ((new + 0.1) / old), "antialias" timm's.
    Source: facebookresearch/mae `interpolate_pos_embed`, facebookresearch/dino `interpolate_pos_encoding`.
    """
    if old == new:
        return table
    if how == "scale_factor":
        return _scaled(table, old, new, prefix)
    return resample_abs_pos_embed(table, list(new), list(old), prefix, antialias=how == "antialias")


def _scaled(
    table: Float[Tensor, "1 token channel"], old: tuple[int, int], new: tuple[int, int], prefix: int
) -> Float[Tensor, "1 new_token channel"]:
    """DINO's way: the interpolation is told the factor and not the size, which shifts the samples."""
    grid = table[:, prefix:].float().unflatten(1, old).permute(0, 3, 1, 2)
    factor = ((new[0] + DINO_OFFSET) / old[0], (new[1] + DINO_OFFSET) / old[1])
    patches = F.interpolate(grid, scale_factor=factor, mode="bicubic").flatten(2).transpose(1, 2)
    return torch.cat([table[:, :prefix], patches.to(table.dtype)], dim=1)


def resized_relative_bias(
    table: Float[Tensor, "offset head"], *, old: tuple[int, int], new: tuple[int, int]
) -> Float[Tensor, "new_offset head"]:
    """BEiT's table of relative biases at another grid, by timm's geometric interpolation; 3 prefix rows stay.

    Args:
        table: (2 rows - 1) (2 columns - 1) + 3 rows.
        old, new: (rows, columns) of the grid.
    Raises:
        ValueError: the old grid is not square.
    """
    if old == new:
        return table
    if old[0] != old[1]:
        raise ValueError(f"a relative bias table can only be resized from a square grid, got {old[0]} x {old[1]}")
    offsets = (2 * new[0] - 1) * (2 * new[1] - 1) + RELATIVE_PREFIX_ROWS
    return resize_rel_pos_bias_table(table, new, (offsets, table.shape[1]))

"""Fixed two-dimensional sine-cosine table of positions, as in MAE and MoCo-v3."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

BASE = 10_000


def sine_cosine_table(grid: tuple[int, int], dim: int, prefix: int) -> Float[Tensor, "1 token {dim}"]:
    """`sine_cosine_positions` behind zeros for the `prefix` tokens in front, as timm's `pos_embed` holds them."""
    table = sine_cosine_positions(grid, dim)
    return torch.cat([table.new_zeros(prefix, dim), table]).unsqueeze(0)


def sine_cosine_positions(grid: tuple[int, int], dim: int) -> Float[Tensor, "patch {dim}"]:
    """Position vectors of the patches, row by row: sines and cosines of the column, then of the row.

        [sin(x w), cos(x w), sin(y w), cos(y w)],  w_i = 10000^(-4 i / dim),  i = 0 .. dim / 4 - 1

    Args:
        grid: (rows, columns).
        dim: width of a token; divisible by 4.
    Returns:
        Values between -1 and 1, float32; the class token's row (zeros) is not part of the table.
    Raises:
        ValueError: dim is not divisible by 4.
    Source: He et al. 2022 (arXiv:2111.06377); Chen et al. 2021 (arXiv:2104.02057), where the row comes first.
    """
    if dim % 4 or dim <= 0:
        raise ValueError(f"dim={dim}: sine-cosine positions need a width divisible by 4 (sine and cosine of two axes)")
    frequency = BASE ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim / 4))
    row, column = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in grid), indexing="ij")
    angles = [axis.reshape(-1, 1) * frequency for axis in (column, row)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], dim=1).float()

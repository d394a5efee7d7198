"""The patches in the middle of the grid."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from .layer import Layer, shares, weighted_sum
from .quirks import EPSILON


def central_patches(layer: Layer, size: int) -> Float[Tensor, "batch channel"]:
    """Mean of the size x size patches in the middle of the grid."""
    rows, columns = central(layer.layout.grid, size, off_centre="off-centre" in layer.quirks)
    return layer.grid_of_patches[:, rows, columns].mean(dim=(1, 2))


def central_attention(layer: Layer, size: int) -> Float[Tensor, "batch channel"]:
    """Patches weighted by what those in the middle attend to.

    a[j] = mean over heads and over the size x size central queries i of attention[i, j], divided by its sum over
    patches j; then sum_j a[j] * x[j].
    """
    rows, columns = central(layer.layout.grid, size, off_centre="off-centre" in layer.quirks)
    queries = layer.patches_to_patches[:, :, rows, columns]
    epsilon = EPSILON if "epsilon" in layer.quirks else 0.0
    summed = weighted_sum(shares(queries.mean(dim=(1, 2, 3)), epsilon=epsilon), layer.patches)
    return summed / layer.layout.patches if "mean-of-weighted" in layer.quirks else summed


def central(grid: tuple[int, int], size: int, *, off_centre: bool = False) -> tuple[slice, slice]:
    """Rows and columns of the size x size patches in the middle.

    Where a side and the size are not both even or both odd there are two middles: the upper, or left, one is meant, as
    in the release (on 14 x 14 patches rows 5 to 7 for size 3).

    Raises:
        ValueError: the grid is smaller.

    >>> central((14, 14), 3), central((5, 6), 2)
    ((slice(5, 8, None), slice(5, 8, None)), (slice(1, 3, None), slice(2, 4, None)))
    """
    if size > min(grid):
        raise ValueError(
            f"the central {size} x {size} patches of a grid of {grid[0]} x {grid[1]}: there are not so many; choose a "
            f"size of at most {min(grid)}, or larger images"
        )
    starts = [_release_start(side, size) if off_centre else (side - size) // 2 for side in grid]
    if min(starts) < 0:
        raise ValueError(
            f"the quirk off-centre moves the central {size} x {size} patches out of a grid of {grid[0]} x {grid[1]}: "
            "choose a smaller size, or leave the quirk out"
        )
    down, right = starts
    return slice(down, down + size), slice(right, right + size)


def _release_start(side: int, size: int) -> int:
    return side // 2 - (size + 1) // 2

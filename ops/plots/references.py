"""What attention without any preference would measure: the lines to read a curve against."""

import math

import numpy as np


def uniform_distance(grid: tuple[int, int], *, patch_size: int | tuple[int, int]) -> float:
    """Attention distance of uniform attention, in pixels: the mean distance between two patches.

        distance = mean_q mean_k |xy(q) - xy(k)|

    Args:
        grid: (rows, columns) of the patch grid.
        patch_size: side of a patch in pixels, or (height, width).

    >>> round(uniform_distance((14, 14), patch_size=16), 2)
    116.49
    """
    height, width = (patch_size, patch_size) if isinstance(patch_size, int) else patch_size
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    down, right = np.subtract.outer(rows, rows) * height, np.subtract.outer(columns, columns) * width
    return float(np.hypot(down, right).mean())


def uniform_entropy(grid: tuple[int, int]) -> float:
    """Entropy of uniform attention over the patches, ln N, in nats.

    >>> round(uniform_entropy((14, 14)), 3)
    5.278
    """
    return math.log(grid[0] * grid[1])

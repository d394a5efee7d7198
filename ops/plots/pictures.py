"""Principal components of the patches as the red, green and blue of a picture."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes

from ._array import array


def pca_picture(
    components: Shaped[Any, "token 3"],
    *,
    grid: tuple[int, int],
    model: str,
    ax: Axes | None = None,
) -> Axes:
    """Three principal components of one image's patches as a colour picture; background (NaN) is white.

    Args:
        components: 0 ... 1, as from `ops.token_pca(tokens, scaling="unit")`, of one image.
        grid: (rows, columns) of the patch grid.
        model: name, the title.
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    Raises:
        ValueError: the grid has another number of patches, or values lie outside 0 ... 1.
    Source: Oquab et al. 2023 (arXiv:2304.07193), fig. 1.
    """
    ax = plt.gca() if ax is None else ax
    values = array(components)
    if values.shape != (grid[0] * grid[1], 3):
        raise ValueError(
            f"components has shape {values.shape}; expected {grid[0] * grid[1]} patches of grid={grid} by 3"
        )
    if np.nanmin(values) < 0 or np.nanmax(values) > 1:
        raise ValueError(
            f"components run from {np.nanmin(values):.3g} to {np.nanmax(values):.3g}; expected 0 to 1: call "
            f"token_pca(tokens, scaling='unit')"
        )
    ax.imshow(np.nan_to_num(values, nan=1.0).reshape(*grid, 3), interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(model)
    return ax

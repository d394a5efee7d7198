"""Three principal components of the tokens as the red, green and blue of a picture."""

import numpy as np
from matplotlib.axes import Axes

from ._arrays import Values, array
from ._panel import bare, current


def pca_picture(projections: Values, *, grid: tuple[int, int] | None = None, ax: Axes | None = None) -> Axes:
    """Draws one tile for each patch, its colour the first three components; background (NaN) is white.

    Values within 0 ... 1, as `token_pca(..., scaling="unit")` gives them, are colours as they stand, so pictures of
    several images fitted jointly compare. Otherwise each component is stretched from its lowest value to its highest.

    Args:
        projections: (row column 3), or (token 3) with the grid: one image.
        grid: (rows, columns) of the patch grid.
    Raises:
        ValueError: not three components, or the grid has another number of patches.
    Source: Oquab et al. 2023 (arXiv:2304.07193), fig. 1.
    """
    colors = _tiles(projections, grid).astype(float)
    background = np.asarray(np.isnan(colors).any(axis=-1))
    seen = colors[~background]
    if seen.size and not (seen.min() >= 0 and seen.max() <= 1):
        low, high = seen.min(axis=0), seen.max(axis=0)
        colors = (colors - low) / np.where(high > low, high - low, 1)
    ax = current(ax)
    ax.imshow(np.where(background[..., None], 1.0, colors), interpolation="nearest")
    bare(ax)
    return ax


def _tiles(projections: Values, grid: tuple[int, int] | None) -> np.ndarray:
    """The components as (row column 3)."""
    tiles = array("projections", projections, "row column 3" if grid is None else "token 3")
    if tiles.shape[-1] != 3 or (grid is not None and len(tiles) != grid[0] * grid[1]):
        raise ValueError(
            f"projections has shape {tiles.shape}, grid={grid}; expected (row, column, 3), or (token, 3) with the grid "
            f"of the patches. token_pca(tokens, components=3) gives three, of patch tokens only"
        )
    return tiles if grid is None else tiles.reshape(*grid, 3)

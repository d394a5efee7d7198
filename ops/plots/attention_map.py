"""Where one query looks, over the photograph it looks at."""

from typing import Literal

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .._grid import require_inside, sides
from ._arrays import Values, array
from ._panel import LABEL, TICK, current
from .photograph import grey, photograph, show_photograph

OPACITY = 0.75
Query = tuple[int, int] | Literal["class"] | None


def attention_map(
    image: Values,
    attention_map: Values,
    *,
    query: Query = None,
    grid: tuple[int, int] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draws a map of attention over the photograph in grey, one tile for each patch, the query patch as a box.

    Dark violet is no attention, yellow the largest value, which stands below the picture: each map has its own
    scale, from 0, so that an even map looks even.

    Args:
        image: what the model saw, cropped: (height width 3) or (3 height width), uint8 or 0 ... 1.
        attention_map: (row column), not negative, as `query_attention` gives it for one image and head.
        query: (row, column) of the query patch, counted from 0 at the top left; no box for "class" or None.
        grid: (rows, columns) of the patch grid, needed where the map comes flat, (patch).
        title: above the picture, such as "moco, depth 12".
    Raises:
        ValueError: the map is not one map of this grid, it has negative values, or the query lies outside it.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 2; its official notebook steps the box by 14 pixels where
        patches have 16, and scales each map from its smallest value.
    """
    weights = _grid_map(attention_map, grid)
    pixels = photograph(image)
    height, width = pixels.shape[:2]
    ax = current(ax)
    show_photograph(grey(pixels), ax=ax)
    look = {"cmap": "plasma", "interpolation": "nearest", "alpha": OPACITY}
    ax.imshow(weights, extent=(0, width, height, 0), vmin=0, vmax=weights.max() or 1, **look)
    if isinstance(query, tuple):
        query_box((weights.shape[0], weights.shape[1]), query, (height, width), ax=ax)
    ax.set_xlabel(f"max {weights.max():.2g}", fontsize=TICK, labelpad=2)
    if title is not None:
        ax.set_title(title, fontsize=LABEL, pad=3)
    return ax


def query_box(
    grid: tuple[int, int], query: tuple[int, int], size: int | tuple[int, int], *, ax: Axes | None = None
) -> Axes:
    """Draws the outline of a patch where it stands in the image: white with a black rim, to show on anything.

    Args:
        grid: (rows, columns) of the patch grid.
        query: (row, column) of the patch, counted from 0 at the top left.
        size: (height, width) of the image as shown, in pixels; a patch is size / grid.
    Raises:
        ValueError: the query lies outside the grid.
    """
    require_inside(query, grid)
    row, column = query
    height, width = sides(size)
    patch = height / grid[0], width / grid[1]
    box = Rectangle(
        (column * patch[1], row * patch[0]), patch[1], patch[0], fill=False, edgecolor="white", linewidth=1.0
    )
    box.set_path_effects([effects.Stroke(linewidth=2.2, foreground="black"), effects.Normal()])
    ax = current(ax)
    ax.add_patch(box)
    return ax


def _grid_map(values: Values, grid: tuple[int, int] | None) -> np.ndarray:
    """The map as (row column), refused where it is none."""
    flat = grid is not None and np.ndim(values) == 1  # type: ignore[arg-type]
    weights = array("attention_map", values, "patch" if flat else "row column").astype(float)
    expected = weights.shape if grid is None else grid
    if weights.size != np.prod(expected) or (not flat and weights.shape != expected):
        raise ValueError(
            f"attention_map has shape {weights.shape}, grid={grid}; expected one value for each patch. Leave out "
            f"the prefix tokens, as query_attention does"
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ValueError(
            f"attention_map has values from {weights.min():.3g} to {weights.max():.3g}; expected finite ones, at least "
            f"0: weights after the softmax, not logits"
        )
    return weights.reshape(expected)

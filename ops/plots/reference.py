"""What curves are compared with: analytic values and the paper's own numbers."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .._grid import require_patches, sides
from ._arrays import Values, pair
from ._legend import top_legend
from ._panel import current, depth_ticks
from .style import style


def reference_line(value: float, label: str, *, ax: Axes | None = None) -> Axes:
    """Draws a horizontal line at a value known beforehand, such as `uniform_distance`; named in the legend.

    Args:
        value: in the unit of the vertical axis.
        label: what would have this value, such as "uniform attention, 116.5 px".
    """
    ax = current(ax)
    ax.axhline(value, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), label=label, zorder=1)
    top_legend(ax)
    return ax


def uniform_distance(grid: tuple[int, int], patch_size: int | tuple[int, int]) -> float:
    """Attention distance of uniform attention in input pixels: the mean distance between two patches.

        distance = mean_{q, k} |xy(q) - xy(k)|

    Args:
        grid: (rows, columns) of the patch grid.
        patch_size: side of a patch in pixels, or (height, width).
    Returns:
        0 for one patch; grows with the image.
    Raises:
        ValueError: a side of the grid is below 1.

    >>> round(uniform_distance((14, 14), 16), 2)
    116.49
    """
    require_patches(grid)
    height, width = sides(patch_size)
    rows, columns = np.arange(1 - grid[0], grid[0]), np.arange(1 - grid[1], grid[1])
    pairs = np.outer(grid[0] - np.abs(rows), grid[1] - np.abs(columns))  # pairs of patches so far apart
    apart = np.hypot(rows[:, None] * height, columns * width)
    return float((pairs * apart).sum() / pairs.sum())


def paper_curve(
    depths: Values,
    values: Values,
    label: str,
    *,
    model: str | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Draws published numbers as a faint, wide line without markers behind the measured curves.

    Args:
        depths: (depth).
        values: (depth), in the unit of the vertical axis.
        label: whose numbers on which images, such as "MoCo-v3, Park et al. 2023".
        model: takes the colour of this model; grey without.
        **line: passed on to matplotlib's `plot`.
    Raises:
        ValueError: lengths differ.
    """
    xs, ys = pair("depths", depths, "values", values, "depth")
    ax = current(ax)
    color = "0.4" if model is None else style(model)["color"]
    faint: dict[str, Any] = {"color": color, "linewidth": 4, "alpha": 0.3, "solid_capstyle": "round", "zorder": 1.5}
    ax.plot(xs, ys, label=label, **{**faint, **line})
    ax.xaxis.set_major_locator(depth_ticks())
    top_legend(ax)
    return ax

"""Several maps of one query side by side: models, depths or heads."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ._arrays import Values, array
from ._panel import LABEL
from .attention_map import Query, attention_map, query_box
from .photograph import photograph, show_photograph

PANEL = 1.6  # inches
COLUMNS = 6


def attention_grid(
    image: Values,
    maps: Mapping[str, Values],
    *,
    query: Query = None,
    axes: Axes | np.ndarray | Sequence[Axes] | None = None,
) -> Figure | SubFigure:
    """Draws the photograph with its query, then one attention map for each title, as `attention_map` does.

    Args:
        image: what the model saw, cropped: (height width 3) or (3 height width), uint8 or 0 ... 1.
        maps: {title: (row column)}; the title names model, depth and head, such as "moco, depth 12".
        query: (row, column) of the query patch, the same in every map; "class" or None draws no box.
        axes: where to draw: one for each map, or one more in front for the photograph; those left over are
            switched off. A new figure of at most six in a row if not given.
    Returns:
        The figure that holds the axes.
    Raises:
        ValueError: no maps, too few axes, or what `attention_map` refuses.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 2.
    """
    if not maps:
        raise ValueError("maps is empty; expected {title: map}, with at least one map")
    panels = _new_axes(len(maps) + 1) if axes is None else list(np.ravel(np.asarray(axes, dtype=object)))
    if len(panels) < len(maps):
        raise ValueError(f"axes has {len(panels)} panels for {len(maps)} maps; expected one each, or one more in front")
    figure = panels[0].figure
    if len(panels) > len(maps):
        grid = array("map", next(iter(maps.values())), "row column").shape
        _photograph_panel(image, query, (grid[0], grid[1]), panels.pop(0))
    for (title, weights), panel in zip(maps.items(), panels):
        attention_map(image, weights, query=query, ax=panel, title=title)
    for panel in panels[len(maps) :]:
        panel.set_axis_off()
    return figure


def _new_axes(count: int) -> list[Axes]:
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    size = (PANEL * columns, (PANEL + 0.4) * rows)
    return list(plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")[1].flat)


def _photograph_panel(image: Values, query: Query, grid: tuple[int, int], ax: Axes) -> None:
    pixels = photograph(image)
    show_photograph(pixels, ax=ax)
    if isinstance(query, tuple):
        query_box(grid, query, (pixels.shape[0], pixels.shape[1]), ax=ax)
    ax.set_title("class token" if query == "class" else "photograph", fontsize=LABEL, pad=3)

"""Attention maps over the photograph, with the query patch where it really is."""

from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ._array import array

QUERY_COLOUR = "#00E5FF"
COLOUR_MAP = "plasma"


def photograph(
    image: Any,
    *,
    queries: dict[str, tuple[int, int]] | None = None,
    grid: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The photograph as a model sees it, with named query patches.

    Args:
        image: PIL image or array (height width channel), cropped as the model sees it, of any resolution.
        queries: {name: (row, column)} of patches, counted from 0 at the top left.
        grid: (rows, columns) of the patch grid; needed for queries.
        ax: drawn on; the current axes by default.
    Returns:
        The axes, in pixels of the image shown.
    Raises:
        ValueError: a query lies outside the grid, or there is no grid for it.
    """
    ax = plt.gca() if ax is None else ax
    shown = array(image)
    _picture(shown, shown.shape[:2], ax, cmap="gray" if shown.ndim == 2 else None)
    for name, query in (queries or {}).items():
        if grid is None:
            raise ValueError(f"queries={queries} without grid=; give the (rows, columns) of the model's patches")
        box = _query_box(query, grid, shown.shape[:2], ax)
        ax.annotate(name, box.get_xy(), xytext=(-2, 2), textcoords="offset points", **_NAME)
    return ax


def attention_map(
    image: Any,
    attention: Shaped[Any, "row column"],
    *,
    query: tuple[int, int] | None,
    alpha: float = 0.75,
    ax: Axes | None = None,
) -> Axes:
    """Where one query looks: its attention over the photograph, scaled to its own range.

    Args:
        image: PIL image or array (height width channel), cropped as the model sees it, of any resolution:
            a patch is height/rows x width/columns pixels of it. None draws the map alone.
        attention: weights of the patches, as from `ops.query_attention`, for one head or averaged over heads.
        query: (row, column) of the query patch, which is framed; None for the class token.
        alpha: opacity of the map over the photograph.
        ax: drawn on; the current axes by default.
    Returns:
        The axes, in pixels of the image shown (in patches without one).
    Raises:
        ValueError: the attention is not one map, or the query lies outside it.
    """
    ax = plt.gca() if ax is None else ax
    weights = array(attention)
    if weights.ndim != 2:
        raise ValueError(
            f"attention has shape {weights.shape}; expected one map (row, column): choose image, head and query, "
            f"for example with ops.query_attention(...)[0].mean(0)"
        )
    size = weights.shape
    if image is not None:
        shown = array(image)
        size = shown.shape[:2]
        grey = shown[..., :3].mean(-1) if shown.ndim == 3 else shown
        _picture(grey, size, ax, cmap="gray")
    opacity = 1.0 if image is None else alpha
    _picture(weights, size, ax, cmap=COLOUR_MAP, alpha=opacity, interpolation="nearest")
    if query is not None:
        _query_box(query, (weights.shape[0], weights.shape[1]), size, ax)
    return ax


def attention_maps(
    image: Any,
    attention: Shaped[Any, "line across row column"],
    *,
    query: tuple[int, int] | None,
    model: str,
    lines: tuple[str, list[int]] | None = None,
    across: tuple[str, list[int]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Maps of one query side by side, such as depths (downwards) by heads (across), each in its own range.

    Args:
        image: as for `attention_map`.
        attention: maps; the first axis runs downwards, the second across.
        query: (row, column) of the query patch; None for the class token.
        model: name, the title.
        lines, across: what these axes are and their numbers, such as ("depth", [1, 6, 12]).
        ax: divided into small axes; the current axes by default.
    Returns:
        The axes that were divided; the small ones are its `child_axes`, row by row.
    Raises:
        ValueError: attention has not four axes, or names and maps differ in number.
    """
    ax = plt.gca() if ax is None else ax
    maps = array(attention)
    lines, across = lines or ("", []), across or ("", [])
    if maps.ndim != 4 or any(n and len(n) != size for n, size in zip((lines[1], across[1]), maps.shape)):
        raise ValueError(
            f"attention has shape {maps.shape} for {len(lines[1])} lines and {len(across[1])} columns; expected "
            f"(line, across, row, column), such as depths by heads of one image and one query"
        )
    ax.set_axis_off()
    ax.set_title(model, pad=18)
    height, width = 1 / maps.shape[0], 1 / maps.shape[1]
    for line in range(maps.shape[0]):
        for column in range(maps.shape[1]):
            cell = ax.inset_axes((column * width, 1 - (line + 1) * height, width * 0.94, height * 0.94))
            attention_map(image, maps[line, column], query=query, ax=cell)
            if line == 0 and across[1]:
                cell.set_title(f"{across[0]} {across[1][column]}", fontsize="small", pad=3)
            if column == 0 and lines[1]:
                cell.set_ylabel(f"{lines[0]} {lines[1][line]}", fontsize="small")
    return ax


_NAME: dict[str, Any] = {
    "ha": "right",
    "va": "bottom",
    "color": "black",
    "weight": "bold",
    "fontsize": "small",
    "bbox": {"boxstyle": "round,pad=0.15", "facecolor": QUERY_COLOUR, "edgecolor": "none"},
}


def _picture(values: Any, size: Any, ax: Axes, **options: Any) -> None:
    """Show values over (height, width) pixels, the first pixel's corner at (0, 0)."""
    ax.imshow(values, extent=(0, size[1], size[0], 0), **options)
    ax.set_xticks([])
    ax.set_yticks([])


def _query_box(query: tuple[int, int], grid: tuple[int, int], size: Any, ax: Axes) -> Rectangle:
    """Frame a patch in pixels of the image shown."""
    row, column = query
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        raise ValueError(
            f"query={query} lies outside the grid {grid}; expected (row, column) in patches from the top left, "
            f"not pixels and not (x, y)"
        )
    height, width = size[0] / grid[0], size[1] / grid[1]
    box = Rectangle((column * width, row * height), width, height, fill=False, edgecolor=QUERY_COLOUR, linewidth=2)
    ax.add_patch(box)
    return box

"""Singular spectra: one line for each depth, coloured from the first to the last."""

from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from ._array import array

COLOUR_MAP = "viridis"


def spectrum(
    log_values: Shaped[Any, "depth rank"],
    *,
    depth: Shaped[Any, " depth"],
    model: str,
    ax: Axes | None = None,
) -> Axes:
    """Log singular values over their rank, a line for each depth, with a colour scale.

    Args:
        log_values: natural logarithms, largest first, as from `ops.singular_spectrum`.
        depth: 0 for the embedding, 1 ... L for blocks.
        model: name, the title.
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    Raises:
        ValueError: not one spectrum for each depth.
    """
    ax = plt.gca() if ax is None else ax
    values, depths = array(log_values), array(depth)
    if values.ndim != 2 or len(values) != len(depths):
        raise ValueError(
            f"log_values has shape {values.shape} for {len(depths)} depths; expected (depth, rank): average over "
            f"images first"
        )
    scale = ScalarMappable(Normalize(depths.min(), max(depths.max(), depths.min() + 1)), COLOUR_MAP)
    for line, at in zip(values, depths):
        ax.plot(range(1, len(line) + 1), line, color=scale.to_rgba(at), linewidth=1.2, label=f"depth {at}")
    ax.set_xlabel("rank")
    ax.set_ylabel("log singular value (nats)")
    ax.set_title(model)
    ax.spines[["top", "right"]].set_visible(False)
    ax.figure.colorbar(scale, ax=ax, label="depth (block)", ticks=MaxNLocator(integer=True))
    return ax

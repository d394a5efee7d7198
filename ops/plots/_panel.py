"""What all panels share: which axes, labels that read at 3 to 4 inches wide, depth ticks."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

LABEL = 9  # points
TICK = 8


def current(ax: Axes | None) -> Axes:
    """The axes given, else pyplot's current ones."""
    return plt.gca() if ax is None else ax


def curve_panel(ax: Axes, *, xlabel: str, ylabel: str | None) -> None:
    """Axis labels, an open frame and a light grid; a label is left as it is where there is nothing to say."""
    ax.set_xlabel(xlabel, fontsize=LABEL)
    if ylabel is not None:
        ax.set_ylabel(ylabel, fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def depth_ticks() -> MaxNLocator:
    """Whole numbers, each of them up to 13 depths."""
    return MaxNLocator(nbins=14, integer=True, steps=[1, 2, 4, 5, 10])


def bare(ax: Axes) -> None:
    """No ticks: for pictures, and for coordinates without a unit."""
    ax.set_xticks([])
    ax.set_yticks([])

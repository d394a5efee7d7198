"""The depth axis: whole numbers, counted as the papers count (0 = embedding, 1 ... L = blocks)."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator


def depth_axis(ax: Axes) -> None:
    """Label the x axis as depth, with a tick at whole numbers only."""
    ax.set_xlabel("depth (block)")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=13, integer=True, min_n_ticks=1))

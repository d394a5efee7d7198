"""What all panels share: which axes, letter sizes that read at 3 to 4 inches, and the legend."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

LABEL = 9  # points
TICK = 8
LEGEND = 7.5


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
    return MaxNLocator(nbins=13, integer=True, steps=[1, 2, 4, 5, 10])


def curve_legend(ax: Axes) -> None:
    """The legend where it covers the least of the curves, drawn anew for all curves so far."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=LEGEND, frameon=True, framealpha=0.85, edgecolor="none", handlelength=2.6, labelspacing=0.3)


def cloud_legend(ax: Axes, *, columns: int, markerscale: float = 1.0) -> None:
    """The legend in one strip at the top, above all points: room is made for it."""
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return
    rows = -(-len(labels) // columns)
    ax.autoscale(axis="y")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + (0.04 + 0.08 * rows) * (high - low))
    ax.legend(
        handles,
        labels,
        fontsize=LEGEND,
        frameon=False,
        loc="upper center",
        ncols=columns,
        markerscale=markerscale,
        handletextpad=0.2,
        columnspacing=1.0,
        labelspacing=0.3,
        borderaxespad=0.2,
    )


def bare(ax: Axes) -> None:
    """No ticks: for pictures, and for coordinates without a unit."""
    ax.set_xticks([])
    ax.set_yticks([])

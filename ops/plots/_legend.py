"""Legends that cover nothing: a strip at the top of the panel, with room made for it above the data."""

from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes

LETTERS = 7.5  # points
LINE = 1.4  # height of a row of the legend, in letter sizes
MARGIN = 0.6  # above and below the rows, in letter sizes
LETTER_WIDTH = 0.54  # of an average letter, in letter sizes
HANDLE = 2.6  # length of the line sample, in letter sizes
GAPS = 1.7  # between sample, text and next column, in letter sizes
SPILL = 1.1  # how far the legend may reach past a panel, whose final width is not known yet
LOOK: dict[str, Any] = {
    "fontsize": LETTERS,
    "frameon": False,
    "loc": "upper center",
    "handletextpad": 0.5,
    "columnspacing": 1.2,
    "labelspacing": 0.3,
    "borderaxespad": 0.3,
    "borderpad": 0,
}


def top_legend(ax: Axes, *, handle: float = HANDLE, markerscale: float = 1.0) -> None:
    """Draws the legend anew for all that is labelled so far and lifts the upper limit above the data.

    Limits that the user has set stay as they are; the legend then stands where it covers least.
    """
    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        return
    columns, share = _strip(ax, labels, handle)
    look = {**LOOK, "handlelength": handle, "markerscale": markerscale, "ncols": columns}
    if not ax.get_autoscaley_on():
        ax.legend(**{**look, "loc": "best", "ncols": 1})
        return
    ax.autoscale_view(scalex=False)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1 - share), auto=True)
    ax.legend(**look)


def square_below_legend(ax: Axes, *, handle: float) -> None:
    """Draws the legend and gives both axes the same scale, all points in the square's part below it."""
    labels = ax.get_legend_handles_labels()[1]
    columns, share = _strip(ax, labels, handle)
    ax.autoscale_view()
    left, right = ax.get_xlim()
    low, high = ax.get_ylim()
    side = max(right - left, (high - low) / (1 - share))
    bottom = (low + high - side * (1 - share)) / 2
    ax.set_xlim((left + right - side) / 2, (left + right + side) / 2, auto=True)
    ax.set_ylim(bottom, bottom + side, auto=True)
    ax.set_aspect("equal", adjustable="box")
    ax.legend(**LOOK, handlelength=handle, ncols=columns)


def _strip(ax: Axes, labels: list[str], handle: float) -> tuple[int, float]:
    """Columns that fit beside each other, and the share of the panel's height that the rows take."""
    letter = LETTERS / 72 * ax.figure.dpi
    room = ax.bbox.width * SPILL / letter
    columns = next((n for n in range(len(labels), 1, -1) if _width(labels, n, handle) <= room), 1)
    rows = -(-len(labels) // columns)
    columns = -(-len(labels) // rows)  # no more than these rows need
    return columns, min(0.6, (rows * LINE + MARGIN) * letter / ax.bbox.height)


def _width(labels: list[str], columns: int, handle: float) -> float:
    """Of the legend in letter sizes, filled column by column as matplotlib does, the first ones longer."""
    rows, longer = divmod(len(labels), columns)
    ends = [rows * n + min(n, longer) for n in range(columns + 1)]
    widest = [max(map(len, labels[start:end])) for start, end in pairwise(ends)]
    return sum(letters * LETTER_WIDTH + handle + GAPS for letters in widest)

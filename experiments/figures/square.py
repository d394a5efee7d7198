"""Panels of points that show true angles."""

from __future__ import annotations

from matplotlib.axes import Axes

ROOM = 1.12  # side of a panel, in spans of its points


def square(ax: Axes) -> None:
    """Gives both axes the same scale, with all points inside a square."""
    box = ax.dataLim
    half = ROOM / 2 * max(box.width, box.height)
    ax.set_xlim((box.x0 + box.x1) / 2 - half, (box.x0 + box.x1) / 2 + half)
    ax.set_ylim((box.y0 + box.y1) / 2 - half, (box.y0 + box.y1) / 2 + half)
    ax.set_aspect("equal", adjustable="box")

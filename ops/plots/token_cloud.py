"""Tokens before and after a self-attention, as two clouds of points."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ._arrays import Values, array
from ._legend import LOOK, square_below_legend
from ._panel import LABEL, TICK, current

BEFORE, AFTER = "#0062A8", "#D02F2F"
CENTRE_SIZE = 70  # points squared
HANDLE = 1.0  # width of a marker in the legend, in letter sizes
ZOOM = 0.82  # of the 3-D box


def token_cloud(
    before: Values,
    after: Values,
    *,
    centres: bool = True,
    ax: Axes | None = None,
    label: str | None = None,
    marker: str = "o",
) -> Axes:
    """Draws tokens before (blue, open) and after (red, filled) a self-attention, with x at the centres.

    Both axes have the same scale: lengths and angles are those of the projection. Call it again on the same
    axes with another marker ("^") for another image.

    Args:
        before: (token 2) or (token 3) components, as `token_transformation` gives them, in units of the tokens.
        after: the same tokens afterwards, along the same axes.
        centres: whether to mark the mean of each cloud.
        ax: with projection "3d" it shows three components, else the first two.
        label: put before "before" and "after" in the legend, such as the name of the model or image.
        marker: matplotlib's, one for each image.
    Raises:
        ValueError: shapes differ, another number of components, or two of them on 3-D axes.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 6.
    """
    clouds = array("before", before, "token component"), array("after", after, "token component")
    ax = current(ax)
    _check(clouds, solid=ax.name == "3d")
    shown = 3 if ax.name == "3d" else 2
    prefix = "" if label is None else f"{label}, "
    looks = (("before", BEFORE, "none"), ("after", AFTER, AFTER))
    for cloud, (when, color, face) in zip(clouds, looks):
        _points(ax, cloud[:, :shown], edgecolors=color, facecolors=face, marker=marker, label=prefix + when)
    if centres:
        for cloud, (_, color, _) in zip(clouds, looks):
            _centre(ax, cloud[:, :shown].mean(axis=0), color)
    _dress(ax)
    return ax


def _check(clouds: tuple[np.ndarray, np.ndarray], *, solid: bool) -> None:
    before, after = (cloud.shape for cloud in clouds)
    if before != after or before[1] not in (2, 3):
        raise ValueError(
            f"before has shape {before}, after {after}; expected (token, 2) or (token, 3), the same for both. "
            f"Project both with one token_transformation(before, after)"
        )
    if solid and before[1] != 3:
        raise ValueError("before has 2 components and ax is 3-D; expected (token, 3), or axes without projection='3d'")


def _points(ax: Axes, points: np.ndarray, **look: Any) -> None:
    depth = {"depthshade": False} if ax.name == "3d" else {}
    ax.scatter(*points.T, s=9, linewidths=0.6, alpha=0.6, **look, **depth)


def _centre(ax: Axes, point: np.ndarray, color: str) -> None:
    """A thick x on a white one, in front of all points."""
    depth = {"depthshade": False} if ax.name == "3d" else {}
    for tone, size, width in (("white", CENTRE_SIZE * 1.4, 4.5), (color, CENTRE_SIZE, 2.2)):
        where = [[value] for value in point]
        ax.scatter(*where, marker="x", s=size, linewidths=width, color=tone, zorder=5, **depth)


def _dress(ax: Axes) -> None:
    ax.set_xlabel("Component 1", fontsize=LABEL)
    ax.set_ylabel("Component 2", fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    if ax.name == "3d":
        _dress_solid(ax)
    else:
        square_below_legend(ax, handle=HANDLE)


def _dress_solid(ax: Any) -> None:
    """A cube, with room for its third label, which matplotlib's layouts overlook."""
    ax.set_zlabel("Component 3", fontsize=LABEL)
    ax.autoscale_view()
    limits = [ax.get_xlim(), ax.get_ylim(), ax.get_zlim()]
    half = max(high - low for low, high in limits) / 2
    ax.computed_zorder = False  # else points hide the centres
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4))
    for place, (low, high) in zip((ax.set_xlim, ax.set_ylim, ax.set_zlim), limits):
        place((low + high) / 2 - half, (low + high) / 2 + half, auto=True)
    ax.set_box_aspect((1, 1, 1), zoom=ZOOM)
    ax.legend(**{**LOOK, "loc": "upper left"}, handlelength=HANDLE)

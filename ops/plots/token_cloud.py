"""Tokens before and after a self-attention, as two clouds of points."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._arrays import Values, array
from ._panel import LABEL, LEGEND, TICK, cloud_legend, current

BEFORE, AFTER = "#0062A8", "#D02F2F"
CENTRE_SIZE = 70  # points squared


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
    names = ["Component 1", "Component 2"]
    ax.set_xlabel(names[0], fontsize=LABEL)
    ax.set_ylabel(names[1], fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    if ax.name == "3d":
        ax.set_zlabel("Component 3", fontsize=LABEL)  # type: ignore[attr-defined]
        ax.set_aspect("equal")
        ax.legend(fontsize=LEGEND, frameon=False, loc="upper left", handletextpad=0.2)
        return
    cloud_legend(ax, columns=2)
    ax.set_aspect("equal", adjustable="datalim")

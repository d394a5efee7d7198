"""Tokens as points: before and after a self-attention, and coloured by the class of their image."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes

from ._array import array

BEFORE, AFTER = "#0072B2", "#D55E00"  # blue and red as in the paper, told apart by the colour-blind too
IMAGE_MARKERS = ("o", "^", "s", "D", "v", "P")
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*")


def token_cloud(
    before: Shaped[Any, "image token component"],
    after: Shaped[Any, "image token component"],
    *,
    model: str,
    ax: Axes | None = None,
) -> Axes:
    """Tokens before (blue) and after (red) a self-attention in 2-D or 3-D; x marks the centre of each cloud.

    Args:
        before, after: as from `ops.token_transformation`; two or three components, a marker for each image.
        model: name, the title.
        ax: drawn on, for three components one of projection="3d"; by default the current axes (2-D) or new ones.
    Returns:
        The axes.
    Raises:
        ValueError: shapes differ, neither two nor three components, or axes of another dimension.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 6.
    """
    clouds = {"before": array(before), "after": array(after)}
    shape = clouds["before"].shape
    if clouds["after"].shape != shape or len(shape) != 3 or shape[-1] not in (2, 3):
        raise ValueError(
            f"before has shape {shape} and after {clouds['after'].shape}; expected the same (image, token, component) "
            f"with 2 or 3 components, as token_transformation(before, after, components=3) gives"
        )
    axes = _axes_for(shape[-1], ax)
    for (name, points), colour in zip(clouds.items(), (BEFORE, AFTER)):
        for image, tokens in enumerate(points):
            marker = IMAGE_MARKERS[image % len(IMAGE_MARKERS)]
            number = f", image {image + 1}" if len(points) > 1 else ""
            axes.scatter(*tokens.T, s=9, c=colour, marker=marker, alpha=0.55, linewidths=0, label=name + number)
            axes.scatter(
                *tokens.mean(0)[:, None], s=90, c="white", marker="X", edgecolors=colour, linewidths=1.6, zorder=5
            )
    _component_labels(axes, shape[-1])
    axes.set_title(model)
    axes.legend(fontsize="small", markerscale=2)
    return axes


def token_tsne(
    points: Shaped[Any, "image token 2"],
    labels: Shaped[Any, " image"],
    *,
    model: str,
    classes: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """t-SNE of tokens, coloured and marked by the class of their image.

    Args:
        points: as from `ops.token_tsne`.
        labels: class of each image, whole numbers.
        model: name, the title.
        classes: names for the legend; the numbers by default.
        ax: drawn on; the current axes by default.
    Returns:
        The axes, without ticks: the units mean nothing.
    Raises:
        ValueError: not one label for each image.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. E.2.
    """
    ax = plt.gca() if ax is None else ax
    points, labels = array(points), array(labels)
    if points.ndim != 3 or len(points) != len(labels):
        raise ValueError(
            f"points has shape {points.shape} for {len(labels)} labels; expected (image, token, 2) and one label "
            f"for each image"
        )
    present = np.unique(labels)
    colours = plt.get_cmap("plasma")(np.linspace(0, 0.88, max(len(present), 2)))
    for place, label in enumerate(present):
        tokens = points[labels == label].reshape(-1, 2)
        name = classes[label] if len(classes) > label else f"class {label}"
        marker = CLASS_MARKERS[place % len(CLASS_MARKERS)]
        ax.scatter(*tokens.T, s=6, color=colours[place], marker=marker, linewidths=0, label=name)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(model)
    ax.legend(fontsize="small", markerscale=2.5)
    return ax


def _axes_for(components: int, ax: Axes | None) -> Any:
    if ax is None:
        return plt.subplot(projection="3d") if components == 3 else plt.gca()
    if (ax.name == "3d") != (components == 3):
        raise ValueError(
            f"{components} components on axes of projection {ax.name!r}; expected subplot(projection='3d') for "
            f"three components and plain axes for two"
        )
    return ax


def _component_labels(ax: Any, components: int) -> None:
    ax.set_xlabel("1st component")
    ax.set_ylabel("2nd component")
    if components == 3:
        ax.set_zlabel("3rd component")
        ax.set_xticklabels([])
        ax.set_yticklabels([])
        ax.set_zticklabels([])

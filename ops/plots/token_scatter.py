"""Tokens of several images in the plane, coloured by class: the picture of a t-SNE."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from ._arrays import Values, array
from ._legend import top_legend
from ._panel import LABEL, bare, current

MARKERS = "osv^DP*X<>"


def token_scatter(
    points: Values,
    labels: Values,
    *,
    names: Mapping[int, str] | Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draws one point for each token, coloured by its label; coordinates have no unit and no ticks.

        colour = plasma(label / (largest label + 0.5))

    Args:
        points: (token 2), as `token_tsne` gives them, all images in one list.
        labels: (token) whole numbers from 0: the class, or the image, of each token.
        names: what the legend calls them, by label; the number itself if not given.
        title: above the picture, such as "moco, depth 12".
    Raises:
        ValueError: not two coordinates and one label for each token, labels that are no whole numbers from 0, or
                a label without name.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. E.2, whose colours these are.
    """
    places = array("points", points, "token 2")
    kinds = array("labels", labels, "token")
    _check(places, kinds)
    texts = {kind: _name(kind, names) for kind in map(int, np.unique(kinds))}
    ax = current(ax)
    shades = colormaps["plasma"]
    for kind, text in texts.items():
        own = places[kinds == kind]
        color = shades(kind / (kinds.max() + 0.5))
        look = {"color": color, "marker": MARKERS[kind % len(MARKERS)], "s": 4.5, "linewidths": 0, "alpha": 0.8}
        ax.scatter(*own.T, label=text, **look)
    bare(ax)
    if title is not None:
        ax.set_title(title, fontsize=LABEL, pad=3)
    top_legend(ax, handle=1.0, markerscale=2.5)
    return ax


def _check(places: np.ndarray, kinds: np.ndarray) -> None:
    if places.shape[1] != 2 or len(places) != len(kinds):
        raise ValueError(
            f"points has shape {places.shape}, labels {kinds.shape}; expected (token, 2) and (token,). A label of an "
            f"image holds for all its tokens: labels.repeat_interleave(tokens)"
        )
    if (kinds < 0).any() or (kinds != np.round(kinds)).any():
        raise ValueError(f"labels has {kinds.min()} as its smallest value; expected whole numbers from 0")


def _name(kind: int, names: Mapping[int, str] | Sequence[str] | None) -> str:
    if names is None:
        return str(kind)
    if kind not in (names if isinstance(names, Mapping) else range(len(names))):
        raise ValueError(
            f"names has none for label {kind}; expected a list with one for each label, or {{label: name}}"
        )
    return str(names[kind])

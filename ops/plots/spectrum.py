"""Singular-value spectra of all depths in one panel."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator

from ._arrays import Values, array
from ._panel import LABEL, TICK, current, curve_panel, depth_ticks

DARKEST_TO_BRIGHT = ListedColormap(plt.get_cmap("viridis")(np.linspace(0, 0.9, 256)))
"""Viridis without its yellow, which does not show on white; lightness alone tells the depth."""

RANKS = 5  # intervals of the rank axis: numbers of three digits stay apart in a narrow panel


def spectrum(
    spectra: Values,
    *,
    model: str,
    depths: Values | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws the log singular values over rank, one line for each depth, dark to bright, with a colour bar.

    Args:
        spectra: (depth rank): natural logarithms, largest first, as `singular_spectrum` gives them.
        model: name of the model, the title of the panel.
        depths: (depth); 0, 1, 2 ... if not given, 0 being the embedding.
    Raises:
        ValueError: not one spectrum for each depth.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 7, left.
    """
    rows = array("spectra", spectra, "depth rank")
    at = np.arange(len(rows)) if depths is None else array("depths", depths, "depth")
    if len(at) != len(rows):
        raise ValueError(f"depths has {len(at)} values, spectra {len(rows)} rows; expected a spectrum for each depth")
    ax = current(ax)
    scale = ScalarMappable(Normalize(at.min(), at.max()), DARKEST_TO_BRIGHT)
    rank = np.arange(1, rows.shape[1] + 1)
    for row, color in zip(rows, scale.to_rgba(at)):
        ax.plot(rank, row, color=color, linewidth=1.1)
    curve_panel(ax, xlabel="Rank", ylabel="Log singular value")
    ax.xaxis.set_major_locator(MaxNLocator(RANKS, integer=True))
    ax.set_title(model, fontsize=LABEL)
    bar = ax.figure.colorbar(scale, ax=ax, ticks=depth_ticks(), pad=0.03)
    bar.set_label("Depth", fontsize=LABEL)
    bar.ax.tick_params(labelsize=TICK)
    return ax

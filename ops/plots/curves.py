"""Curves over depth or frequency, with their error bands and the lines to read them against."""

from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Shaped
from matplotlib.axes import Axes

from ._array import array
from ._depth_axis import depth_axis
from .styles import model_style

Band = tuple[Shaped[Any, " point"], Shaped[Any, " point"]]
REFERENCE_COLOUR = "0.35"


def depth_curve(
    depth: Shaped[Any, " point"],
    mean: Shaped[Any, " point"],
    *,
    model: str,
    ylabel: str,
    band: Band | None = None,
    ax: Axes | None = None,
) -> Axes:
    """One model's values over depth, with its error band.

    Args:
        depth: 1 ... L for blocks, 0 for the embedding.
        mean: value at each depth.
        model: name; it is the label of the line and chooses its style.
        ylabel: quantity with its unit.
        band: (low, high) at each depth, as from `ops.bootstrap_interval`.
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    Raises:
        ValueError: mean or band has another number of points than depth.
    """
    ax = _curve(depth, mean, model, band, ax)
    depth_axis(ax)
    ax.set_ylabel(ylabel)
    return ax


def frequency_curve(
    frequency: Shaped[Any, " point"],
    amplitude: Shaped[Any, " point"],
    *,
    model: str,
    band: Band | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Log amplitude relative to frequency 0 of one model, over the frequency in units of pi.

    Args:
        frequency: as from `ops.diagonal_frequencies`; 1 is the Nyquist frequency of the patch grid.
        amplitude: as from `ops.relative_log_amplitude`, averaged over images.
        model: name; say the depth in it where several are drawn.
        band: (low, high) at each frequency.
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    Raises:
        ValueError: amplitude or band has another number of points than frequency.
    """
    ax = _curve(frequency, amplitude, model, band, ax)
    ax.set_xlabel("frequency (units of π)")
    ax.set_ylabel("Δ log amplitude (nats)")
    return ax


def paper_curve(
    depth: Shaped[Any, " point"],
    values: Shaped[Any, " point"],
    *,
    model: str,
    source: str = "Park et al. 2023, digitised",
    ax: Axes | None = None,
) -> Axes:
    """A published curve, faint and thin in the model's colour; for the same model on the same data only.

    Args:
        depth, values: as digitised.
        model: name of the model.
        source: said in the legend.
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    """
    ax = plt.gca() if ax is None else ax
    colour = model_style(model).colour
    ax.plot(array(depth), array(values), color=colour, alpha=0.4, linewidth=3, zorder=1, label=f"{model} ({source})")
    return ax


def reference_line(value: float, *, text: str, ax: Axes | None = None) -> Axes:
    """A thin horizontal line at what theory gives, with its name beside it and room for it in the axes.

    Args:
        value: in the unit of the y axis.
        text: what has this value ("uniform attention").
        ax: drawn on; the current axes by default.
    Returns:
        The axes.
    """
    ax = plt.gca() if ax is None else ax
    ax.axhline(value, color=REFERENCE_COLOUR, linewidth=0.9, linestyle=(0, (6, 3)), zorder=0)
    ax.annotate(
        text,
        (0.99, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize="small",
        color=REFERENCE_COLOUR,
    )
    low, high = ax.get_ylim()
    margin = 0.1 * (high - low)
    ax.set_ylim(min(low, value - margin / 2), max(high, value + margin))
    return ax


def _curve(x: Any, mean: Any, model: str, band: Band | None, ax: Axes | None) -> Axes:
    ax = plt.gca() if ax is None else ax
    x, mean = array(x), array(mean)
    _require_length("mean", mean, x)
    style = model_style(model)
    ax.plot(x, mean, label=model, zorder=3, **style.line_options())
    if band is not None:
        low, high = array(band[0]), array(band[1])
        _require_length("band", low, x)
        _require_length("band", high, x)
        ax.fill_between(x, low, high, color=style.colour, alpha=0.18, linewidth=0, zorder=2)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _require_length(name: str, values: Any, x: Any) -> None:
    if values.shape != x.shape or x.ndim != 1:
        raise ValueError(
            f"{name} has shape {values.shape} for x of shape {x.shape}; expected one value for each point: "
            f"average over images and heads first"
        )

"""A metric over depth, one curve for each model: the form of most figures of the paper."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._arrays import Values, array, pair
from ._legend import top_legend
from ._panel import current, curve_panel, depth_ticks
from .style import style

ROUNDING = 1e-4  # an interval of few images may miss its own mean by float32 rounding


def depth_curve(
    depths: Values,
    mean: Values,
    *,
    model: str,
    error: Values | tuple[Values, Values] | None = None,
    ax: Axes | None = None,
    ylabel: str | None = None,
    **line: Any,
) -> Axes:
    """Draws a metric over depth in the model's colour, with an error band, whole depths as ticks and a legend.

    Args:
        depths: (depth): 1 ... L for attention, 0 ... L for tokens, 0 being the embedding.
        mean: (depth), in the unit that `ylabel` names.
        model: name of the model; decides colour, marker, line and label.
        error: a tuple holds both ends of an interval, (low, high), as `bootstrap_interval` gives them; an
            array holds the half width of the band (such as the standard error).
        ylabel: name and unit of the metric, such as "Attention distance (px)".
        **line: passed on to matplotlib's `plot`, for instance `label="moco, 300 epochs"`.
    Raises:
        ValueError: lengths differ, or the mean lies outside its interval.
    """
    xs, ys = pair("depths", depths, "mean", mean, "depth")
    ax = current(ax)
    look: dict[str, Any] = {**style(model), "markersize": 4, "linewidth": 1.5, **line}
    band = None if error is None else _band(ys, error)
    [drawn] = ax.plot(xs, ys, **look)
    if band is not None:
        ax.fill_between(xs, *band, color=drawn.get_color(), alpha=0.18, linewidth=0)
    curve_panel(ax, xlabel="Depth", ylabel=ylabel)
    ax.xaxis.set_major_locator(depth_ticks())
    top_legend(ax)
    return ax


def _band(mean: np.ndarray, error: Values | tuple[Values, Values]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end at each depth."""
    if not isinstance(error, tuple):
        half = _as_long(mean, "error", error)
        if (half < 0).any():
            raise ValueError("error has values below 0; expected half widths, or a tuple (low, high) of both ends")
        return mean - half, mean + half
    if len(error) != 2:
        raise ValueError(f"error is a tuple of {len(error)}; expected (low, high), or one array of half widths")
    low, high = (_as_long(mean, name, end) for name, end in zip(("error low", "error high"), error))
    slack = ROUNDING * np.nan_to_num(np.abs(mean)).max()
    if (low > mean + slack).any() or (high < mean - slack).any():
        raise ValueError(
            "error=(low, high) leaves out the mean; a tuple holds both ends of the interval. Half widths go in as "
            "one array, error=half"
        )
    return low, high


def _as_long(mean: np.ndarray, name: str, values: Values) -> np.ndarray:
    return pair("mean", mean, name, array(name, values, "depth"), "depth")[1]

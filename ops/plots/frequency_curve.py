"""Amplitude over frequency for one layer: the curve whose last point the Fourier figure plots over depth."""

from typing import Any

from matplotlib.axes import Axes

from ._arrays import Values, pair
from ._legend import top_legend
from ._panel import current, curve_panel
from .style import style


def frequency_curve(
    frequencies: Values,
    values: Values,
    *,
    model: str,
    label: str | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Draws the log amplitude relative to frequency 0, in nats, over frequency in units of pi.

    Args:
        frequencies: (frequency) in units of pi, as `diagonal_frequencies(grid)` gives them; 1 is Nyquist.
        values: (frequency): the mean of `relative_log_amplitude` over images.
        model: name of the model; decides colour, marker, line and label.
        label: instead of the model's name, such as "moco, depth 12".
        **line: passed on to matplotlib's `plot`, such as a colour for each depth.
    Raises:
        ValueError: lengths differ.
    Source: Park & Kim 2022 (arXiv:2202.06709), fig. 2; Park et al. 2023 (arXiv:2305.00729).
    """
    xs, ys = pair("frequencies", frequencies, "values", values, "frequency")
    ax = current(ax)
    look: dict[str, Any] = {**style(model), "markersize": 4, "linewidth": 1.5, **line}
    if label is not None:
        look["label"] = label
    ax.plot(xs, ys, **look)
    curve_panel(ax, xlabel="Frequency (units of π)", ylabel="Δ log amplitude (nats)")
    top_legend(ax)
    return ax

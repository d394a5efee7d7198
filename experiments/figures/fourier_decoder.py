"""MAE's encoder and decoder as a picture: one vertical axis, the depths of the decoder after those of the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.plots import plots

from ..findings import Findings
from .below import beneath
from .model_curve import legend_above, legend_of, model_curve, without_legend
from .paper_curves import draw_paper_curve, paper_remark
from .where import where

SIZE = (9.5, 4.6)  # inches
STRIP = 0.5  # depths between the encoder's end and the decoder's input
LABEL = "Δ log amplitude (nats)"
GIVEN = {
    "all": "The decoder is given every patch and no mask token.",
    "masked": "The decoder is given mask tokens for {} % of the patches; the encoder's own curve is of whole images.",
}


def decoder_figure(findings: Findings, summary: Any) -> Figure:
    """Draw the findings of `experiments.fourier_decoder`.

    Args:
        findings: their facts.
        summary: of their table.
    """
    facts = findings.facts
    depths = [layout["depth"] for layout in facts["layouts"].values()]
    ends = [depth + more for depth, more in zip(depths, facts["decoder_depths"].values(), strict=True)]
    widths = [max(depths) + 1, max(3.0, max(ends) - min(depths) + 1)]
    figure = plt.figure(figsize=SIZE, layout="constrained")
    body: Any = figure.subfigures(1, 1)
    left, right = body.subplots(1, 2, sharey=True, width_ratios=widths)
    for model in facts["layouts"]:
        _encoder(left, facts, summary, model)
        _decoder(right, facts, summary, model)
    _finish(left, "Encoder", "Depth (0: embedding)")
    _finish(right, "Decoder", f"Depth ({_begins(depths)}: decoder's input)")
    right.set_ylabel("")
    figure.suptitle(f"Amplitude of the highest frequency in MAE: {where(facts)}")
    legend_above(body, legend_of((left, right)), SIZE[0])
    beneath(figure, facts, _note(facts))
    return figure


def _encoder(ax: Axes, facts: dict[str, Any], summary: Any, model: str) -> None:
    model_curve(ax, _rows(summary, model, "delta_log_amplitude"), model, LABEL)
    draw_paper_curve(facts, "amplitude", model, ax=ax)


def _decoder(ax: Axes, facts: dict[str, Any], summary: Any, model: str) -> None:
    """The decoder's curve, the encoder's end before it and a shaded strip between them."""
    rows = _rows(summary, model, "decoder_delta_log_amplitude")
    first, end = rows.iloc[0], _rows(summary, model, "delta_log_amplitude").iloc[-1]
    look = {**plots().style(model), "label": None, "markersize": 4, "linewidth": 1.0}
    start = first["depth"] - STRIP
    ax.axvspan(start, first["depth"], color="0.93", linewidth=0, zorder=0)
    ax.plot([start, first["depth"]], [end["mean"], first["mean"]], **look)
    model_curve(ax, rows, model, LABEL)
    draw_paper_curve(facts, "amplitude_decoder", model, ax=ax)


def _rows(summary: Any, model: str, metric: str) -> Any:
    """Of one curve, by depth."""
    rows = summary[(summary["model"] == model) & (summary["metric"] == metric)].sort_values("depth")
    if rows.empty:
        raise ValueError(f"the table has no rows of {metric} of {model}: it is not that of fourier-decoder")
    return rows


def _begins(depths: Sequence[int]) -> str:
    return " or ".join(map(str, sorted(set(depths))))


def _finish(ax: Axes, title: str, xlabel: str) -> None:
    ax.set_title(title, fontsize=10)
    ax.set_xlabel(xlabel)
    without_legend(ax)


def _note(facts: dict[str, Any]) -> str:
    bands = "Bands: 95 % bootstrap intervals over images." if facts["images"] > 1 else "A single image."
    how = "Block outputs without the last norm; shaded: from the encoder's end to what enters the first decoder block."
    given = GIVEN[facts["decoder_input"]]
    if facts["decoder_input"] == "masked":
        given = given.format(" or ".join(sorted({f"{100 * share:.0f}" for share in facts["masked"].values()})))
    return f"{given} {bands} {how} {paper_remark(facts)}".strip()

"""Shape against texture, and accuracy lost to noise in each band: figures from the table alone, without torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from study.plots import plots

CLASS = re.compile(r"shape_bias@(?P<name>.+)")
BAND = re.compile(r"accuracy_drop@(?P<frequency>[\d.e-]+)pi")
NOISE = re.compile(r"noise (?P<settings>epsilon=\S+ width=\S+)")
HALF = 0.5  # as many by shape as by texture
SPREAD = 0.6  # of a row's height, over which the models of one class are laid out
LABEL, TICK, NOTE = 9, 8, 8  # points


def shape_bias_figure(table: pd.DataFrame, *, layer: int | None = None, pooling: str | None = None) -> Figure:
    """Shape bias of each class and over all, one marker for each model; beside it over layers, where there are several.

    Args:
        table: of `python -m probing shape-bias`.
        layer: whose classes are shown; of each model its last one by default.
        pooling: which; by default the first in the table that all models have.
    Raises:
        ValueError: the table has no shape bias, or not of that layer and pooling.
    """
    rows = _rows(table, table["metric"].eq("shape_bias") | table["metric"].str.match(CLASS), "shape_bias", pooling)
    shown = _at(rows, layer)
    layered = bool(rows[rows["metric"] == "shape_bias"].groupby("model")["layer"].nunique().max() > 1)
    figure = Figure(figsize=(5.2 + 4.2 * layered, 6.2), layout="constrained")
    axes = figure.subplots(1, 1 + layered, squeeze=False)
    shape_bias_panel(axes[0, 0], shown)
    if layered:
        _over_layers(axes[0, 1], rows[rows["metric"] == "shape_bias"])
    _legend(figure, axes[0, 0], _models(rows))
    figure.supxlabel(_decided(table, shown), fontsize=NOTE, color="0.3")
    return figure


def frequency_figure(table: pd.DataFrame, *, layer: int | None = None, pooling: str | None = None) -> Figure:
    """Change of accuracy in points by noise in each band, one line for each model, with its interval.

    Args:
        table: of `python -m probing frequency-noise`.
        layer: which; of each model its last one by default.
        pooling: which; by default the first in the table that all models have.
    Raises:
        ValueError: the table has no drops of accuracy, or not of that layer and pooling.
    """
    rows = _at(_rows(table, table["metric"].str.match(BAND), "accuracy_drop@...", pooling), layer)
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    ax = figure.subplots()
    frequency_panel(ax, rows)
    _legend(figure, ax, _models(rows))
    figure.supxlabel(_note(table, rows), fontsize=NOTE, color="0.3")
    return figure


def frequency_panel(ax: Axes, rows: pd.DataFrame) -> Axes:
    """Change of accuracy in points by noise in each band, one line with its interval for each model; no legend.

    Args:
        ax: to draw on.
        rows: drops of accuracy, of one layer and pooling of each model.
    """
    rows = rows.assign(frequency=rows["metric"].str.extract(BAND)["frequency"].astype(float))
    for model, own in rows.groupby("model", sort=False):
        _line(ax, str(model), own.sort_values("frequency"), "frequency", scale=-100)
    ax.axhline(0, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), zorder=1)
    ax.annotate("no change", (1, 0), (-2, 3), ("axes fraction", "data"), "offset points", ha="right", fontsize=NOTE)
    _panel(ax, "Centre of the band of noise (π; 1 is Nyquist)", "Change of accuracy (points)")
    ax.set_xticks(sorted(rows["frequency"].unique()))
    return ax


def shape_bias_panel(ax: Axes, rows: pd.DataFrame) -> Axes:
    """One row for each class of shapes, and one over all below them; no legend.

    Args:
        ax: to draw on.
        rows: shape bias and shape bias by class, of one layer and pooling of each model.
    """
    names = sorted({CLASS.fullmatch(metric)["name"] for metric in rows["metric"] if "@" in metric})  # pyright: ignore[reportOptionalSubscript]
    places = {f"shape_bias@{name}": float(number) for number, name in enumerate(names)}
    places["shape_bias"] = len(names) + 0.5
    models = _models(rows)
    for number, model in enumerate(models):
        own = rows[rows["model"] == model]
        shift = SPREAD * ((number + 0.5) / len(models) - 0.5)
        heights = own["metric"].map(places).to_numpy() + shift
        look = {key: value for key, value in _style(model).items() if key in ("color", "marker", "label")}
        ax.hlines(heights, own["low"], own["high"], color=look["color"], linewidth=1.1)
        ax.plot(own["value"], heights, linestyle="none", markersize=5, **look)
    ax.axhline(len(names) - 0.25, color="0.8", linewidth=0.8)
    ax.axvline(HALF, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), zorder=1)
    ax.set_yticks(list(places.values()), [*names, "all"])
    ax.set_ylim(len(names) + 1.1, -0.6)
    ax.set_xlim(-0.03, 1.03)
    _panel(ax, "← texture      shape bias      shape →", None)
    ax.grid(visible=False, axis="y")
    ax.set_title("Class of the shape", fontsize=LABEL, loc="left")
    return ax


def _over_layers(ax: Axes, rows: pd.DataFrame) -> None:
    for model, own in rows.groupby("model", sort=False):
        _line(ax, str(model), own.sort_values("layer"), "layer")
    ax.axhline(HALF, color="0.35", linewidth=0.9, linestyle=(0, (6, 3)), zorder=1)
    ax.set_ylim(-0.03, 1.03)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _panel(ax, "Layer (0: embedding)", "← texture      shape bias      shape →")
    ax.set_title("All classes, over layers", fontsize=LABEL, loc="left")


def _line(ax: Axes, model: str, rows: pd.DataFrame, across: str, scale: float = 1) -> None:
    xs, low, high = (rows[column].to_numpy() for column in (across, "low", "high"))
    look = _style(model)
    ax.plot(xs, scale * rows["value"].to_numpy(), markersize=5, linewidth=1.5, **look)
    ax.fill_between(xs, scale * low, scale * high, color=look["color"], alpha=0.18, linewidth=0)


def _rows(table: pd.DataFrame, wanted: pd.Series, what: str, pooling: str | None) -> pd.DataFrame:
    """Rows of the metrics and of one pooling that all models have."""
    rows = table[wanted]
    if rows.empty:
        raise ValueError(f"the table has no {what}; it has {', '.join(sorted(table['metric'].unique()))}")
    everywhere = [
        name
        for name in rows["pooling"].unique()
        if set(rows.loc[rows["pooling"] == name, "model"]) == set(rows["model"])
    ]
    if pooling is None and not everywhere:
        raise ValueError(f"no pooling is there for all of {', '.join(_models(rows))}; draw them one by one")
    chosen = everywhere[0] if pooling is None else pooling
    found = rows[rows["pooling"] == chosen]
    if found.empty:
        raise ValueError(f"pooling {chosen!r}: the table has {', '.join(rows['pooling'].unique())}")
    return found


def _at(rows: pd.DataFrame, layer: int | None) -> pd.DataFrame:
    """Rows of one layer: the given one, or each model's last."""
    last = rows.groupby("model")["layer"].transform("max")
    found = rows[rows["layer"] == (last if layer is None else layer)]
    if set(found["model"]) != set(rows["model"]):
        raise ValueError(f"layer {layer}: not all of {', '.join(_models(rows))} have it in the table")
    return found


def _models(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows["model"].unique()]


def _where(rows: pd.DataFrame) -> str:
    """Which layer and pooling are shown."""
    layers = sorted(set(rows["layer"]))
    pooling = str(rows["pooling"].iloc[0]).replace("_", " ")
    shown = f"layer {layers[0]}" if len(layers) == 1 else "the last layer of each"
    return f"Classifiers on {shown}" + ("" if pooling == "-" else f", {pooling}")


def _decided(table: pd.DataFrame, shown: pd.DataFrame) -> str:
    """What the shares are of, and how many images were named by neither cue."""
    images = int(shown.loc[shown["metric"] == "shape_bias", "images"].max())
    told = _per_model(table, "neither", shown)
    return (
        f"Share of shape among decisions for shape or texture, {images} cue-conflict images. {_where(shown)}.\n"
        + (f"Named by neither, and not counted: {told}.\n" if told else "")
        + "Lines and band: 95 % bootstrap intervals over images; none where too few images were decided."
    )


def _note(table: pd.DataFrame, rows: pd.DataFrame) -> str:
    noise = NOISE.search(str(rows["recipe"].iloc[0]))
    told = _per_model(table, "accuracy", rows)
    before = f"Without noise: {told}.\n" if told else ""
    settings = f"Noise: {noise['settings'].replace('pi', 'π')}, normalised input. " if noise else ""
    return (
        f"{settings}{int(rows['images'].max())} images. {_where(rows)}.\n"
        f"{before}Bands: 95 % bootstrap intervals, paired over images."
    )


def _per_model(table: pd.DataFrame, metric: str, shown: pd.DataFrame) -> str:
    """A metric of the cells that are shown, in per cent; nothing where the table does not have it."""
    keys = ["model", "layer", "pooling"]
    found = table[table["metric"] == metric].merge(shown[keys].drop_duplicates(), on=keys)
    return ", ".join(f"{model} {100 * value:.1f} %" for model, value in zip(found["model"], found["value"]))


def _legend(figure: Figure, ax: Axes, models: Sequence[str]) -> None:
    handles, labels = ax.get_legend_handles_labels()
    columns = min(len(models), 4)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=TICK)


def _panel(ax: Axes, xlabel: str, ylabel: str | None) -> None:
    ax.set_xlabel(xlabel, fontsize=LABEL)
    if ylabel is not None:
        ax.set_ylabel(ylabel, fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="both", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def _style(model: str) -> dict[str, Any]:
    return dict(plots().style(model))

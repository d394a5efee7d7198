"""The overview as a picture: a photograph, where two of its patches look, and four metrics over depth."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from study.plots import plots

from ._paper_curves import paper_remark
from .depth_panels import LABELS, depth_panels, legend_of
from .direction import direction
from .findings import Findings

WIDTH = 14.0  # inches
MAP = 1.28  # height of one row of maps, a row for each model
LARGE = 1.9  # the same, of one model alone: a row for each query
CURVES = 3.1
HEAD = 1.05  # room for title and note


def overview_figure(findings: Findings, summary: pd.DataFrame) -> Figure:
    """Draw the findings of `experiments.overview`.

    Args:
        findings: with the table `attention_maps`, its photographs and the facts.
        summary: of the table `overview`.
    Raises:
        ValueError: a table lacks what is drawn.
    """
    models = list(dict.fromkeys(summary["model"]))
    top = (2 * LARGE if len(models) == 1 else len(models) * MAP) + 0.75
    figure = plt.figure(figsize=(WIDTH, HEAD + top + CURVES), layout="constrained")
    figure.suptitle(_title(findings.facts), fontsize=13, weight="bold")
    upper, lower = figure.subfigures(2, 1, height_ratios=[top, CURVES], hspace=0.03)
    _maps(upper, findings, models)
    _curves(lower, findings.facts, summary, models)
    figure.supxlabel(_note(findings.facts, summary), fontsize=9, color="0.3")
    return figure


def _title(facts: dict[str, Any]) -> str:
    count = facts["images"]
    kind = "photographs" if facts["data"] == "sample" else "images"
    which = "miniature ViTs" if len(facts["miniatures"]) == len(facts["layouts"]) else "ViTs"
    return f"Where {which} look: {count} {kind if count > 1 else kind[:-1]} ({_short(facts['data'])})"


def _short(where: str) -> str:
    return "/".join(PurePath(where).parts[-2:])


def _note(facts: dict[str, Any], summary: pd.DataFrame) -> str:
    small = facts["miniatures"]
    which = "All models" if len(small) == len(facts["layouts"]) else ", ".join(small)
    warning = f"{which}: miniatures; no evidence for or against the published models. " if small else ""
    bands = "; bands: 95 % bootstrap intervals over images" if facts["images"] > 1 else ""
    how = f"Mean over heads, then over images{bands}. Convention {facts['convention']}. Depth 0: embedding."
    return "\n".join(line for line in (f"{warning}{how}", paper_remark(facts), direction(summary)) if line)


def _maps(figure: SubFigure, findings: Findings, models: list[str]) -> None:
    """The photograph and a block of maps for each query, a row for each model; of one model a row for each query."""
    table = findings.tables["attention_maps"]
    queries = list(dict.fromkeys(table["query"]))
    named = {query: f"query {number}, {query}" for number, query in enumerate(queries, start=1)}
    alone = len(models) == 1
    widths = [1.0, 1.8] if alone else [1.05, *[1.6] * len(queries)]
    left, *blocks = figure.subfigures(1, len(widths), width_ratios=widths)
    _photograph(left, findings, table, queries, models[0])
    if alone:
        blocks[0].suptitle(f"Attention of two queries in {models[0]} (mean over heads)", fontsize=10)
        _block(blocks[0], findings, [(models[0], query, named[query].replace(", ", "\n")) for query in queries])
        return
    for block, query in zip(blocks, queries, strict=True):
        block.suptitle(f"Attention of {named[query]} (mean over heads)", fontsize=10)
        _block(block, findings, [(model, query, model) for model in models])


def _block(figure: SubFigure, findings: Findings, rows: list[tuple[str, str, str]]) -> None:
    """Rows of maps, each of (model, query, label); depths stand above the first row, or above each if they differ."""
    table = findings.tables["attention_maps"]
    chosen = [table[(table["model"] == model) & (table["query"] == query)] for model, query, _ in rows]
    depths = [tuple(maps["depth"].unique()) for maps in chosen]
    axes = figure.subplots(len(rows), max(map(len, depths)), squeeze=False)
    for number, (row, maps, (_, _, label)) in enumerate(zip(axes, chosen, rows, strict=True)):
        _row_of_maps(row, maps, findings, titled=number == 0 or len(set(depths)) > 1)
        row[0].set_ylabel(label, fontsize=10)


def _photograph(figure: SubFigure, findings: Findings, table: pd.DataFrame, queries: list[str], model: str) -> None:
    """The photograph as the first model sees it, with the queries as numbered boxes."""
    ax = figure.subplots()
    of_model = table[table["model"] == model]
    image = np.asarray(findings.pictures[of_model["picture"].iloc[0]])
    height, width = image.shape[:2]
    ax.imshow(image, extent=(0, width, height, 0))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(f"{findings.facts['photograph']}, queries 1 and 2", fontsize=10)
    ax.set_xlabel(_scale(findings.facts["layouts"]), fontsize=9, color="0.3")
    grid = _grid(of_model)
    for number, query in enumerate(queries, start=1):
        first = of_model[of_model["query"] == query].iloc[0]
        patch = int(first["query_row"]), int(first["query_col"])
        plots().query_box(grid, patch, (height, width), ax=ax)
        x, y = (patch[1] + 0.5) * width / grid[1], (patch[0] + 0.5) * height / grid[0]
        ax.text(x, y, str(number), color="white", fontsize=12, weight="bold", ha="center", va="center")


def _scale(layouts: dict[str, Any]) -> str:
    """What the colours of the maps mean, with the value of uniform attention for each grid."""
    grids = sorted({tuple(layout["grid"]) for layout in layouts.values()})
    values = [f"1/{rows * columns} = {1 / (rows * columns):.2g}" for rows, columns in grids]
    return f"Colours of each map: from 0 to its max.\nUniform attention: {', '.join(values)} everywhere"


def _row_of_maps(axes: np.ndarray, of_model: pd.DataFrame, findings: Findings, *, titled: bool) -> None:
    """One model's maps of one query, a panel for each depth; panels too many stay empty."""
    for ax in axes:
        ax.set_axis_off()
    grid = _grid(of_model)
    for ax, (depth, rows) in zip(axes, of_model.groupby("depth", sort=True), strict=False):
        ax.set_axis_on()
        values = rows.sort_values(["row", "col"])["value"].to_numpy().reshape(grid)
        patch = int(rows["query_row"].iloc[0]), int(rows["query_col"].iloc[0])
        image = np.asarray(findings.pictures[rows["picture"].iloc[0]])
        plots().attention_map(image, values, query=patch, grid=grid, ax=ax, title=f"depth {depth}" if titled else None)


def _curves(figure: SubFigure, facts: dict[str, Any], summary: pd.DataFrame, models: list[str]) -> None:
    axes = figure.subplots(1, len(LABELS))
    depth_panels(axes, facts, summary, models)
    figure.legend(*legend_of(axes), loc="outside upper center", ncols=6, frameon=False)


def _grid(table: pd.DataFrame) -> tuple[int, int]:
    return int(table["row"].max()) + 1, int(table["col"].max()) + 1

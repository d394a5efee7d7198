"""Attention maps as panels: the photograph with its queries, and rows of maps over depth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from PIL import Image

from study.plots import plots

LONG = 17  # letters of a label that stands beside a map in one line
FOLDED = 20  # letters of a line of a longer one, in smaller type
WORDS = 17  # letters of a line as wide as a map, of what is said instead of maps


def numbered_queries(table: Any) -> dict[str, str]:
    """What figures call the queries of a table of `experiments.attention_maps`: patches have numbers."""
    queries = list(dict.fromkeys(table["query"]))
    patches = [query for query in queries if table.loc[table["query"] == query, "query_row"].iloc[0] >= 0]
    return {query: f"query {patches.index(query) + 1}, {query}" if query in patches else query for query in queries}


def block_of_maps(
    figure: SubFigure,
    table: Any,
    pictures: Mapping[str, Image.Image],
    rows: Sequence[tuple[str, str, str]],
    *,
    missing: str = "",
) -> None:
    """Rows of maps, a panel for each depth; depths stand above the first row, or above each if they differ.

    Args:
        figure: where to draw.
        table: of `experiments.attention_maps`.
        pictures: photographs by name.
        rows: of (model, query, label).
        missing: said in a row without maps.
    """
    chosen = [table[(table["model"] == model) & (table["query"] == query)] for model, query, _ in rows]
    depths = {tuple(maps["depth"].unique()) for maps in chosen if len(maps)}
    axes = figure.subplots(len(rows), max(map(len, depths)), squeeze=False)
    first = next(number for number, maps in enumerate(chosen) if len(maps))
    for number, (row, maps, (_, _, label)) in enumerate(zip(axes, chosen, rows, strict=True)):
        for ax in row:
            ax.set_axis_off()
        if maps.empty:
            said = textwrap.fill(f"{label}: {missing}", WORDS * len(row))
            words = row[0].text(0, 0.5, said, transform=row[0].transAxes, fontsize=9, color="0.3")
            words.set(va="center", in_layout=False)  # they reach across columns and must not widen the first
            continue
        _row_of_maps(row, maps, pictures, titled=number == first or len(depths) > 1)
        row[0].set_ylabel(_folded(label), fontsize=10 if len(label) <= LONG else 7.5)


def photograph_panel(figure: SubFigure, table: Any, pictures: Mapping[str, Image.Image], model: str) -> Axes:
    """The photograph as a model sees it, with the queries that are patches as numbered boxes."""
    ax = figure.subplots()
    of_model = table[table["model"] == model]
    image = np.asarray(pictures[of_model["picture"].iloc[0]])
    height, width = image.shape[:2]
    ax.imshow(image, extent=(0, width, height, 0))
    ax.set_xticks([])
    ax.set_yticks([])
    grid = _grid(of_model)
    places = of_model[of_model["query_row"] >= 0].groupby("query", sort=False).first()
    for number, (_, place) in enumerate(places.iterrows(), start=1):
        patch = int(place["query_row"]), int(place["query_col"])
        plots().query_box(grid, patch, (height, width), ax=ax)
        x, y = (patch[1] + 0.5) * width / grid[1], (patch[0] + 0.5) * height / grid[0]
        ax.text(x, y, str(number), color="white", fontsize=12, weight="bold", ha="center", va="center")
    return ax


def scale_of_maps(layouts: Mapping[str, Any]) -> str:
    """What the colours of the maps mean, with the value of uniform attention for each grid."""
    grids = sorted({tuple(layout["grid"]) for layout in layouts.values()})
    values = [f"1/{rows * columns} = {1 / (rows * columns):.2g}" for rows, columns in grids]
    listed = f"{', '.join(values)} everywhere" if len(values) < 2 else "\n" + "\n".join(values)
    return f"Colours of each map: from 0 to its max.\nUniform attention: {listed}"


def _row_of_maps(axes: np.ndarray, maps: Any, pictures: Mapping[str, Image.Image], *, titled: bool) -> None:
    """One model's maps of one query; panels too many stay empty."""
    grid = _grid(maps)
    for ax, (depth, rows) in zip(axes, maps.groupby("depth", sort=True), strict=False):
        ax.set_axis_on()
        values = rows.sort_values(["row", "col"])["value"].to_numpy().reshape(grid)
        patch = int(rows["query_row"].iloc[0]), int(rows["query_col"].iloc[0])
        image = np.asarray(pictures[rows["picture"].iloc[0]])
        query = patch if patch[0] >= 0 else None
        plots().attention_map(image, values, query=query, grid=grid, ax=ax, title=f"depth {depth}" if titled else None)


def _folded(label: str) -> str:
    """The label in lines as long as a map is high."""
    lines = [
        textwrap.wrap(line.replace("/", "/ "), FOLDED) if len(line) > LONG else [line] for line in label.split("\n")
    ]
    return "\n".join(part for line in lines for part in line)


def _grid(table: Any) -> tuple[int, int]:
    return int(table["row"].max()) + 1, int(table["col"].max()) + 1

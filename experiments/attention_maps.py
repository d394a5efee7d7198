"""Where two queries of one photograph look, for several models and depths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

import models
import ops
from study.data import Images
from study.field_of_view import as_seen
from study.query_maps import spread_depths

from .findings import Findings

DEPTHS = 4
FAVOURITE = "flower.jpg"
FAVOURITE_QUERIES = {"on the flower": (0.53, 0.47), "on the background": (0.13, 0.88)}
QUERIES = {"in the centre": (0.5, 0.5), "in a corner": (0.1, 0.1)}
"""Where the queries lie, as shares of the height and width of what the model sees."""


def attention_maps(loaded: Mapping[str, nn.Module], images: Images) -> Findings:
    """Attention maps of two queries of one photograph, mean over heads, at depths spread over each model.

    The photograph is the sample's flower, with one query on it and one beside it; of other images the first, with
    queries in the centre and in a corner.

    Returns:
        Table `attention_maps` (model, depth, head, query, query_row, query_col, row, col, value, picture), where each
        map sums to 1 and head -1 is the mean over heads; the photograph once for each field of view.
    """
    index = images.names.index(FAVOURITE) if FAVOURITE in images.names else 0
    queries = FAVOURITE_QUERIES if images.names[index] == FAVOURITE else QUERIES
    photograph = images[index]
    tables, pictures = [], {}
    for name, model in loaded.items():
        shown = Image.fromarray(as_seen(photograph, model))
        picture = next((known for known, other in pictures.items() if other == shown), None)
        picture = picture or f"photograph{f'-{len(pictures) + 1}' if pictures else ''}"
        pictures[picture] = shown
        tables.append(_of_model(model, photograph, queries).assign(model=name, picture=picture))
    table = pd.concat(tables, ignore_index=True)
    columns = ["model", "depth", "head", "query", "query_row", "query_col", "row", "col", "value", "picture"]
    return Findings({"attention_maps": table[columns]}, pictures, {"photograph": images.names[index]})


def _of_model(model: Any, photograph: Image.Image, queries: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    depths = spread_depths(model, DEPTHS)
    image = models.image_transform(model)(photograph)[None]
    with torch.inference_mode(), models.tap(model, layers=[depth - 1 for depth in depths]) as trace:
        model(image.to(next(model.parameters()).dtype))
    layout = trace.layout
    return pd.concat(
        _rows(trace.attention[depth - 1], _patch(place, layout.grid), layout, depth=depth, query=query)
        for query, place in queries.items()
        for depth in depths
    )


def _rows(attention: Tensor, patch: tuple[int, int], layout: Any, **constant: Any) -> pd.DataFrame:
    """One map in long form."""
    maps = ops.query_attention(attention, query=patch, grid=layout.grid, prefix=layout.prefix)
    values = maps[0].double().mean(dim=0).numpy()
    row, col = np.indices(layout.grid)
    table = pd.DataFrame({"row": row.ravel(), "col": col.ravel(), "value": values.ravel()})
    return table.assign(**constant, head=-1, query_row=patch[0], query_col=patch[1])


def _patch(place: tuple[float, float], grid: tuple[int, int]) -> tuple[int, int]:
    return int(place[0] * grid[0]), int(place[1] * grid[1])

"""Attention maps of one query or of all, at single depths, all heads, and their figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from PIL import Image
from torch import Tensor

from models import image_transform, tap, token_layout
from ops import patch_attention, plots, query_attention

from .field_of_view import as_seen

TITLE = 10  # points
Query = tuple[int, int] | Literal["class"]


def query_maps(model: Any, photograph: Image.Image, *, query: Query, depths: Sequence[int]) -> dict[int, Tensor]:
    """Attention of one query to each patch at several depths, {depth: (head row column)}; each map sums to 1.

    Args:
        model: any plain ViT, in eval mode.
        photograph: RGB; goes through the model's own preprocessing, once.
        query: (row, column) of a patch, counted from 0 at the top left, or "class" for the class token.
        depths: of the blocks, 1 ... L.
    Raises:
        ValueError: the model has no such block, patch or class token.
    """
    if min(depths) < 1:
        raise ValueError(f"depths={depths}; expected 1 for the first block (0, the embedding, has no attention)")
    pixels = _pixels(model, photograph)
    with torch.inference_mode(), tap(model, layers=[depth - 1 for depth in depths], points=["attention"]) as trace:
        model(pixels)
    where: dict[str, Any] = {"query": query, "grid": trace.layout.grid, "prefix": trace.layout.prefix}
    return {depth: query_attention(trace.attention[depth - 1][0], **where).cpu() for depth in depths}


def all_query_maps(
    model: Any, photograph: Image.Image, *, depths: Sequence[int], receive: Callable[[int, Tensor], None]
) -> None:
    """Attention of every query to each patch, one block after the other, in one pass.

    Args:
        model: any plain ViT, in eval mode.
        photograph: RGB; goes through the model's own preprocessing.
        depths: of the blocks, 1 ... L.
        receive: called as receive(depth, maps) with maps (head query row column), which sum to 1; the first query is
            the class token, where the model has one, then the patches row by row. Nothing is kept here.
    """

    def on_attention(layer: int, attention: Tensor) -> None:
        layout, grid = trace.layout, trace.layout.grid
        maps = patch_attention(attention[0], prefix=layout.prefix).unflatten(-1, grid)
        if layout.class_tokens:
            first = query_attention(attention[0], query="class", grid=grid, prefix=layout.prefix)
            maps = torch.cat([first[:, None], maps], dim=1)
        receive(layer + 1, maps.cpu())

    layers = [depth - 1 for depth in depths]
    with torch.inference_mode(), tap(model, layers=layers, on_attention=on_attention) as trace:
        model(_pixels(model, photograph))


def query_figure(
    model: Any, photograph: Image.Image, *, name: str, query: Query, depth: int, head: int | None = None
) -> Figure | SubFigure:
    """The photograph with its query, the map of a head and the mean over heads; without `head`, the maps of all heads.

    Args:
        name: of the model, for the titles.
        head: counted from 0.
    Raises:
        ValueError: as `query_maps`; or the model has no such head.
    """
    maps = query_maps(model, photograph, query=query, depths=[depth])[depth]
    if head is not None and not 0 <= head < len(maps):
        raise ValueError(f"head={head}: {name} has {len(maps)} heads, numbered 0 to {len(maps) - 1}")
    shown = {f"head {number}": maps[number] for number in (range(len(maps)) if head is None else [head])}
    figure = plots.attention_grid(as_seen(photograph, model), {**shown, "mean of heads": maps.mean(dim=0)}, query=query)
    figure.suptitle(f"{name}, depth {depth}", fontsize=TITLE)
    return figure


def patch_at(model: Any, down: float, right: float) -> tuple[int, int]:
    """(row, column) of the patch at a place that is given as shares of the height and the width of the image.

    Raises:
        ValueError: a share outside 0 ... 1.
    """
    if not (0 <= down <= 1 and 0 <= right <= 1):
        raise ValueError(f"down={down}, right={right}; expected shares from 0 (top, left) to 1 (bottom, right)")
    rows, columns = token_layout(model).grid
    return min(int(down * rows), rows - 1), min(int(right * columns), columns - 1)


def spread_depths(model: Any, count: int) -> list[int]:
    """Depths from the first block to the last, evenly spread, at most `count` of them."""
    return sorted({round(float(depth)) for depth in np.linspace(1, model.passport.depth, count)})


def _pixels(model: Any, photograph: Image.Image) -> Tensor:
    """The photograph as a batch of one, prepared for the model and where it is."""
    parameter = next(model.parameters())
    return image_transform(model)(photograph)[None].to(parameter.device, parameter.dtype)

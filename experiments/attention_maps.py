"""Where two patches of one photograph look, on an object and on its background, and where the class token looks.

Claim: in late layers of contrastive learning every query, and every head, shows the same map, the shape of the object;
in masked image modelling the maps follow the query, to what is near and alike.

The paper shows maps and gives no numbers. It shows one head, since heads look alike; here the mean over heads, or
`--head N`. It draws each map from its smallest to its largest value; here each has its own scale too, but from 0, so
that an even map looks even; the largest value stands below. A map is the query's weights on the patches, divided by
their sum. SimMIM's class token has no target of its own: it learned only as a key and value of the patches.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 2; Przewiezlikowski et al. 2025 (arXiv:2412.03215), fig. 1, for the
class token.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .applicable import NotApplicable
from .findings import Findings
from .measuring.models_and_images import chosen_depths, known_facts, placed

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from PIL import Image
    from torch import Tensor, nn

    from study.data import Images

    from .settings import Settings

NAME = "attention-maps"
DEPTHS = 4
MEAN = -1  # in the column `head`
CLASS_TOKEN = "class token"
FAVOURITE = "flower.jpg"
FAVOURITE_QUERIES = {"on the flower": (0.53, 0.47), "on the background": (0.13, 0.88)}
QUERIES = {"in the centre": (0.5, 0.5), "in a corner": (0.1, 0.1)}
"""Where the queries lie, as shares of the height and width of what the model sees."""

COLUMNS = ["model", "depth", "head", "query", "query_row", "query_col", "row", "col", "value", "picture"]


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """Maps of two patches and of the class token of one photograph.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`; the sample's flower, of others the first.
        settings: of the run; `depths` and `head` count.
        device: to run on.
    Returns:
        Table `attention-maps`, as `attention_maps` makes it, with the class token's maps (row and column of the query
        are -1) where a model has one; the photograph once for each field of view.
    Raises:
        NotApplicable: a model has no block at a depth asked for, or no head of this number.
    """
    depths = _depths(loaded, settings)
    heads = _heads(loaded, settings.head)
    on_device = functools.partial(placed, settings=settings, device=device)
    table, pictures, photograph = _maps(loaded, images, depths, settings.head, on_device)
    facts = {
        **known_facts(loaded, images),
        "images": 1,
        "photograph": photograph,
        "depths": depths,
        "head": settings.head,
        "heads": heads,
        "without_class_token": [name for name in loaded if CLASS_TOKEN not in set(_of(table, name)["query"])],
        "notes": _notes(photograph, images, settings.head),
    }
    return Findings({NAME: table}, pictures, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: None; there is a single photograph.
    """
    from .figures.attention_maps import attention_maps_figure

    return attention_maps_figure(findings)


def attention_maps(loaded: Mapping[str, nn.Module], images: Images) -> Findings:
    """Attention maps of two queries of one photograph, mean over heads, at depths spread over each model.

    The photograph is the sample's flower, with one query on it and one beside it; of other images the first, with
    queries in the centre and in a corner.

    Returns:
        Table `attention_maps` (model, depth, head, query, query_row, query_col, row, col, value, picture), where each
        map sums to 1 and head -1 is the mean over heads; the photograph once for each field of view.
    """
    table, pictures, photograph = _maps(loaded, images, _spread(loaded))
    table = table[table["query"] != CLASS_TOKEN].reset_index(drop=True)
    return Findings({"attention_maps": table}, pictures, {"photograph": photograph})


def _maps(
    loaded: Mapping[str, Any],
    images: Images,
    depths: Mapping[str, Sequence[int]],
    head: int | None = None,
    on_device: Callable[[Any], AbstractContextManager] = contextlib.nullcontext,
) -> tuple[pd.DataFrame, dict[str, Image.Image], str]:
    """The table of all maps, the photograph once for each field of view, and its name."""
    from PIL import Image

    from study.field_of_view import as_seen

    index = images.names.index(FAVOURITE) if FAVOURITE in images.names else 0
    queries = FAVOURITE_QUERIES if images.names[index] == FAVOURITE else QUERIES
    photograph = images[index]
    tables, pictures = [], {}
    for name, model in loaded.items():
        shown = Image.fromarray(as_seen(photograph, model))
        picture = next((known for known, other in pictures.items() if other == shown), None)
        picture = picture or f"photograph{f'-{len(pictures) + 1}' if pictures else ''}"
        pictures[picture] = shown
        with on_device(model):
            table = _of_model(model, photograph, queries, depths[name], head)
        tables.append(table.assign(model=name, picture=picture))
    table = pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)
    return table, pictures, images.names[index]


def _of_model(
    model: Any,
    photograph: Image.Image,
    queries: Mapping[str, tuple[float, float]],
    depths: Sequence[int],
    head: int | None,
) -> pd.DataFrame:
    """All maps of a model, a pass for each query."""
    from models import token_layout
    from study.query_maps import patch_at, query_maps

    places: dict[str, Any] = {query: patch_at(model, *place) for query, place in queries.items()}
    if token_layout(model).class_tokens:
        places[CLASS_TOKEN] = "class"
    return pd.concat(
        _rows(maps, place, head, depth=depth, query=query)
        for query, place in places.items()
        for depth, maps in query_maps(model, photograph, query=place, depths=depths).items()
    )


def _rows(maps: Tensor, place: Any, head: int | None, **constant: Any) -> pd.DataFrame:
    """One map (head row column) in long form."""
    maps = maps.double()
    values = (maps.mean(dim=0) if head is None else maps[head]).numpy()
    row, col = np.indices(values.shape)
    at = (-1, -1) if place == "class" else place
    table = pd.DataFrame({"row": row.ravel(), "col": col.ravel(), "value": values.ravel()})
    return table.assign(**constant, head=MEAN if head is None else head, query_row=at[0], query_col=at[1])


def _depths(loaded: Mapping[str, Any], settings: Settings) -> dict[str, list[int]]:
    return chosen_depths(settings.depths, loaded, ()) if settings.depths else _spread(loaded)


def _spread(loaded: Mapping[str, Any]) -> dict[str, list[int]]:
    from study.query_maps import spread_depths

    return {name: spread_depths(model, DEPTHS) for name, model in loaded.items()}


def _heads(loaded: Mapping[str, Any], head: int | None) -> dict[str, int]:
    """Number of heads of each model, which must have the one asked for."""
    heads = {name: int(model.passport.heads) for name, model in loaded.items()}
    for name, count in heads.items():
        if head is not None and not 0 <= head < count:
            raise NotApplicable(
                f"--head {head}: {name} has {count} heads, numbered 0 to {count - 1}; choose one that all models have, "
                "or leave it out for the mean over heads"
            )
    return heads


def _of(table: pd.DataFrame, model: str) -> pd.DataFrame:
    return table.loc[table["model"] == model]


def _notes(photograph: str, images: Images, head: int | None) -> list[str]:
    others = f", the only one shown of {len(images)} images" if len(images) > 1 else ""
    which = "mean over heads (the paper shows one head; --head N)" if head is None else f"head {head} of each model"
    return [f"maps of {photograph}{others}; {which}; each map has its own scale, from 0 to its largest value"]

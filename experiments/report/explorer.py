"""The data of the attention explorer: maps of a few images, and what the page must say of them."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from models import token_layout
from study.field_of_view import as_seen
from study.query_maps import all_query_maps, spread_depths

from .budget import Form, Kind, largest_form
from .maps import LEVELS, Packed, packed
from .pictures import data_address, jpeg

PALETTE = "plasma"  # as ops.plots.attention_map
MARGIN = 1.02  # for what stands around the maps in JSON

Key = tuple[int, str, int, Kind]
"""Image, model, depth, kind."""


@dataclasses.dataclass(frozen=True)
class Explorer:
    """What the page's explorer shows.

    Attributes:
        data: for `explorer.js`: palette, pictures, names, layouts, and the maps in base64.
        remarks: sentences on how exact it is and what was left out.
    """

    data: dict[str, Any] = dataclasses.field(repr=False)
    remarks: tuple[str, ...]


def explorer_of(
    loaded: Mapping[str, nn.Module], images: Mapping[str, Image.Image], *, device: torch.device, limit: int
) -> Explorer:
    """Attention of every query of each image, at as many depths as fit.

    Args:
        loaded: models by the names that the page shows; on the CPU afterwards.
        images: photographs to choose from, by name.
        device: to run on.
        limit: of the data, in bytes.
    Raises:
        ValueError: not even one image and one depth of each model fit.
    """
    pictures, places = _pictures(loaded, images)
    left = limit - sum(map(len, pictures))
    packs: dict[Key, Packed] = {}
    for name, model in loaded.items():
        model.to(device)
        for number, photograph in enumerate(images.values()):
            for (depth, kind), pack in _packs(model, photograph).items():
                kept = pack if pack.size <= left else dataclasses.replace(pack, content=b"")  # it cannot fit anyway
                packs[number, name, depth, kind] = kept
        model.cpu()

    def size(form: Form) -> float:
        return MARGIN * sum(packs[key].size for keys in _keys(form, loaded).values() for key in keys)

    form = largest_form(len(images), max(map(_depth, loaded.values())), size, left)
    keys = _keys(form, loaded)
    shown = sorted({place for name in loaded for place in places[name][: form.images]})
    data = {
        "palette": _palette(),
        "kind": form.kind,
        "images": list(images)[: form.images],
        "pictures": [pictures[place] for place in shown],
        "models": [
            _described(model, name, form) | {"pictures": [shown.index(place) for place in places[name][: form.images]]}
            for name, model in loaded.items()
        ],
        "maps": {
            name: [[_text(packs[key]) for key in keys[name] if key[0] == number] for number in range(form.images)]
            for name in loaded
        },
    }
    error = max(packs[key].error for own in keys.values() for key in own)
    return Explorer(data, tuple(_remarks(form, len(images), loaded, error)))


def _packs(model: nn.Module, photograph: Image.Image) -> dict[tuple[int, Kind], Packed]:
    """The maps of one photograph by depth and kind: of all heads, and of their mean."""
    packs: dict[tuple[int, Kind], Packed] = {}

    def receive(depth: int, maps: Tensor) -> None:
        values = maps.flatten(2).double().numpy()
        packs[depth, "heads"] = packed(values)
        packs[depth, "mean"] = packed(values.mean(axis=0, keepdims=True))

    all_query_maps(model, photograph, depths=range(1, _depth(model) + 1), receive=receive)
    return packs


def _keys(form: Form, loaded: Mapping[str, nn.Module]) -> dict[str, list[Key]]:
    """The packs of a form, by model."""
    return {
        name: [
            (number, name, depth, form.kind)
            for number in range(form.images)
            for depth in spread_depths(model, form.depths)
        ]
        for name, model in loaded.items()
    }


def _pictures(
    loaded: Mapping[str, nn.Module], images: Mapping[str, Image.Image]
) -> tuple[list[str], dict[str, list[int]]]:
    """Each image once for each field of view, as addresses, and by model which of them are its own."""
    pictures: dict[str, int] = {}
    places: dict[str, list[int]] = {name: [] for name in loaded}
    for image in images.values():
        for name, model in loaded.items():
            address = data_address(jpeg(as_seen(image, model)), "jpeg")
            places[name].append(pictures.setdefault(address, len(pictures)))
    return list(pictures), places


def _described(model: Any, name: str, form: Form) -> dict[str, Any]:
    layout = token_layout(model)
    return {
        "name": name,
        "depth": _depth(model),
        "depths": spread_depths(model, form.depths),
        "grid": list(layout.grid),
        "heads": model.passport.heads if form.kind == "heads" else 1,
        "classToken": layout.class_tokens > 0,
    }


def _remarks(form: Form, asked: int, loaded: Mapping[str, Any], error: float) -> list[str]:
    remarks = [
        f"Each map is stored in 8 bits with a scale of its own, so a value is off by at most 1/{2 * LEVELS} of its "
        f"map's largest value; the largest error in this page is {error:.1e} of the query's attention. Each map sums "
        "to 1 over the patches: what falls on class and register tokens is left out."
    ]
    if form.images < asked:
        remarks.append(f"To stay small the page shows {form.images} of {asked} images.")
    for name, model in loaded.items():
        depths = spread_depths(model, form.depths)
        if len(depths) < _depth(model):
            said = ", ".join(map(str, depths))
            remarks.append(f"To stay small the page shows {name} at depth {said} of 1 to {_depth(model)}.")
    if form.kind == "mean":
        remarks.append("To stay small the page shows the mean over heads, not the single heads.")
    return remarks


def _depth(model: Any) -> int:
    return model.passport.depth


def _palette() -> str:
    """Red, green and blue of 256 levels, in base64."""
    colours = matplotlib.colormaps[PALETTE](np.arange(LEVELS + 1))[:, :3]
    return base64.b64encode((colours * 255).round().astype(np.uint8).tobytes()).decode()


def _text(pack: Packed) -> str:
    return base64.b64encode(pack.content).decode()

"""An attention explorer for notebooks: pick model, image, query patch, layer and head, and see the map."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from ipywidgets import Dropdown, HBox, Image, IntSlider, VBox, Widget

from models import token_layout

from .data import Images
from .query_maps import query_figure

ALL_HEADS = "all"
DPI = 110


def attention_explorer(models: Mapping[str, Any], images: Images) -> VBox:
    """Controls and, below them, the attention map that they choose; drawn anew at each change.

    Args:
        models: by name.
        images: of `open_images`.
    Returns:
        A widget; as the last line of a cell it is shown. The picture, a PNG, is its last child.
    Raises:
        ValueError: no models.
    """
    if not models:
        raise ValueError("no models: pass {name: model}, for example {'moco': load_model('moco')}")
    controls = _controls(models, images)
    picture = Image(format="png")

    def draw(_: Any = None) -> None:
        picture.value = _picture(models, images, **{name: control.value for name, control in controls.items()})

    others = [control for name, control in controls.items() if name != "model"]

    def follow(_: Any = None) -> None:
        """Another model: fit the other controls to it, then draw once."""
        for control in others:
            control.unobserve(draw, names="value")
        _fit(controls, models[controls["model"].value])
        draw()
        for control in others:
            control.observe(draw, names="value")

    for control in others:
        control.observe(draw, names="value")
    controls["model"].observe(follow, names="value")
    follow()
    pairs = (("model", "image"), ("depth", "head"), ("row", "column"))
    return VBox([*(HBox([controls[name] for name in pair]) for pair in pairs), picture])


def _controls(models: Mapping[str, Any], images: Images) -> dict[str, Any]:
    sliders = {
        name: IntSlider(value=value, min=low, max=value, description=name, continuous_update=False)
        for name, low, value in (("depth", 1, 6), ("row", 0, 4), ("column", 0, 4))
    }
    return {
        "model": Dropdown(options=list(models), description="model"),
        "image": Dropdown(options=[(name, number) for number, name in enumerate(images.names)], description="image"),
        "head": Dropdown(options=[ALL_HEADS], description="head"),
        **sliders,
    }


def _fit(controls: Mapping[str, Widget | Any], model: Any) -> None:
    """Give the controls the ranges of the model; a value that it does not have becomes its last."""
    rows, columns = token_layout(model).grid
    controls["depth"].max = model.passport.depth
    controls["row"].max, controls["column"].max = rows - 1, columns - 1
    heads = [ALL_HEADS, *range(model.passport.heads)]
    if list(controls["head"].options) != heads:
        controls["head"].options = heads


def _picture(models: Mapping[str, Any], images: Images, **at: Any) -> bytes:
    """The figure of what the controls say, as PNG."""
    head = None if at["head"] == ALL_HEADS else at["head"]
    name, query = at["model"], (at["row"], at["column"])
    figure = query_figure(models[name], images[at["image"]], name=name, query=query, depth=at["depth"], head=head)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    plt.close(figure)
    return content.getvalue()

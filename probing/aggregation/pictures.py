"""What AbMILP weighs, over the photograph, beside what the class token attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from models import image_transform, tap
from ops import plots, query_attention
from study.field_of_view import as_seen

from ..features.frozen import TOKENS, Cell, Frozen
from ..presets import Norm
from .training import TrainedAbMILP

PANEL = 1.9  # inches
LETTERS = 9  # points


@torch.no_grad()
def weight_maps(
    model: nn.Module, photographs: Sequence[Image.Image], trained: TrainedAbMILP, *, layer: int, norm: Norm = "none"
) -> dict[str, Float[Tensor, "image row column"]]:
    """Maps over the patches by what they are: attention of the class token where there is one, and AbMILP's weights.

    Args:
        model: whose tokens were trained on, on the device it is to run on.
        photographs: RGB, of any size.
        trained: AbMILP, with the learning rate that was chosen.
        layer: that it was trained on, 0 for the embedding.
        norm: as its tokens were made.
    Returns:
        "class token": of the last block, mean of heads, as shares of what goes to patches, so that they sum to 1.
        "AbMILP": the weights; where class token and registers have weights too, these maps sum to less than 1.
    """
    transform = image_transform(model)
    pixels = torch.stack([transform(photograph) for photograph in photographs])
    tokens = Frozen(model, [], token_layers=[layer], norm=norm)(pixels)[Cell(layer, TOKENS)]
    layout = trained.layout
    weights = trained.weights(tokens)[:, -layout.patches :].unflatten(1, layout.grid).cpu()
    if not layout.class_tokens:
        return {"AbMILP": weights}
    return {"class token": _class_attention(model, pixels), "AbMILP": weights}


def weights_figure(
    model: nn.Module,
    photographs: Sequence[Image.Image],
    trained: TrainedAbMILP,
    *,
    name: str,
    layer: int,
    norm: Norm = "none",
) -> Figure:
    """A row for each photograph: itself, the class token's attention, AbMILP's weights.

    Args:
        model, photographs, trained, layer, norm: as `weight_maps` takes them.
        name: of the model, for the title.
    Source: Przewięźlikowski et al. 2025 (arXiv:2412.03215), fig. 1, right.
    """
    maps = weight_maps(model, photographs, trained, layer=layer, norm=norm)
    columns, rows = 1 + len(maps), len(photographs)
    figure = Figure(figsize=(PANEL * columns + 0.2, (PANEL + 0.15) * rows + 1.0), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for number, photograph in enumerate(photographs):
        shown = {kind: values[number] for kind, values in maps.items()}
        plots.attention_grid(as_seen(photograph, model), shown, axes=axes[number])
        for ax in axes[number]:
            ax.set_title("")
    depth = len(model.blocks)  # pyright: ignore[reportArgumentType]
    for ax, title in zip(axes[0], ["photograph", *(_title(kind, layer, depth) for kind in maps)], strict=True):
        ax.set_title(title, fontsize=LETTERS, pad=4)
    figure.suptitle(name, fontsize=LETTERS + 2)
    figure.supxlabel(_scale(trained), fontsize=LETTERS - 2, color="0.3")
    return figure


def _class_attention(model: nn.Module, pixels: Tensor) -> Float[Tensor, "image row column"]:
    """Of the last block, mean of heads, as shares of what goes to patches."""
    first = next(model.parameters())
    with tap(model, layers=[-1], points=["attention"]) as trace:
        model(pixels.to(first.device, first.dtype))
    (attention,) = trace.attention.values()
    where: Any = {"grid": trace.layout.grid, "prefix": trace.layout.prefix, "class_tokens": trace.layout.class_tokens}
    return query_attention(attention.mean(dim=1, keepdim=True), query="class", **where)[:, 0].cpu()


def _title(kind: str, layer: int, depth: int) -> str:
    if kind == "AbMILP":
        return f"AbMILP on layer {layer}\nof {depth}: weights"
    return f"class token, block {depth}\nof {depth}: mean of heads"


def _scale(trained: TrainedAbMILP) -> str:
    patches = trained.layout.patches
    return (
        f"Each map from 0 (dark) to its own maximum (yellow), which stands below it.\n"
        f"Even weights over the {patches} patches would be {1 / patches:.2g} each."
    )

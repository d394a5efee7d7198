"""One vector of the tokens of a layer, without anything to train: class token, means, and weights from attention."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from models import TokenLayout

from .centre import central_attention, central_patches
from .fit import require_fit
from .layer import Layer, shares, weighted_sum
from .quirks import EPSILON, known_quirks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pooling:
    """A way to make one vector of the tokens of a layer.

    Attributes:
        function: from a `Layer` to (batch channel).
        meaning: in words.
        needs_class: whether the model must have a class token.
        needs_attention: whether the layer's attention is needed, which the embedding has none of.
        needs_oracle: whether the attention of another model is needed.
        width: channels of the vector in those of a token.
    """

    function: Callable[[Layer], Tensor]
    meaning: str
    needs_class: bool = False
    needs_attention: bool = False
    needs_oracle: bool = False
    width: int = 1


def pooled(
    name: str,
    tokens: Float[Tensor, "batch token channel"],
    layout: TokenLayout,
    *,
    attention: Float[Tensor, "batch head query key"] | None = None,
    oracle: Float[Tensor, "batch head query key"] | None = None,
    oracle_layout: TokenLayout | None = None,
    quirks: Iterable[str] = frozenset(),
) -> Float[Tensor, "batch channel"]:
    """One vector for each image; of twice the channels for `both`.

    Args:
        name: one of `POOLINGS`.
        tokens: of one layer, class tokens first, then registers, then the patches row by row.
        layout: where they come from.
        attention: softmax weights of the same layer; `Pooling.needs_attention` says who needs them.
        oracle: softmax weights of another model's last layer, of the same images.
        oracle_layout: of that model, where it has other prefix tokens; the grid must be the same.
        quirks: of the release of Beyond [cls], by their names in `QUIRKS`; by default the definitions as meant.
    Returns:
        float32 for half precision, else the dtype of the tokens.
    Raises:
        ValueError: unknown names; no class token, registers or attention where they are needed; a grid that is too
            small; tokens, attention and layout that do not fit together.
    Source: Przewięźlikowski et al. 2025 (arXiv:2412.03215) and its code, whose `both` does not run.
    """
    pooling = _known(name)
    layer = Layer(
        tokens=_wide(tokens),
        layout=layout,
        attention=_wide(attention) if pooling.needs_attention and attention is not None else None,
        oracle=_wide(oracle) if pooling.needs_oracle and oracle is not None else None,
        oracle_layout=oracle_layout or layout,
        quirks=known_quirks(quirks),
    )
    require_fit(name, pooling, layer)
    with torch.autocast(tokens.device.type, enabled=False):
        return pooling.function(layer)


def _class_token(layer: Layer) -> Tensor:
    return layer.tokens[:, 0]


def _patches(layer: Layer) -> Tensor:
    return layer.patches.mean(dim=1)


def _registers(layer: Layer) -> Tensor:
    return layer.tokens[:, layer.layout.class_tokens : layer.layout.prefix].mean(dim=1)


def _both(layer: Layer) -> Tensor:
    return torch.cat([_class_token(layer), _patches(layer)], dim=1)


def _mean_head(layer: Layer) -> Tensor:
    return weighted_sum(shares(layer.class_to_patches.mean(dim=1)), layer.patches)


def _lowest_entropy_head(layer: Layer) -> Tensor:
    weights = shares(layer.class_to_patches)
    head = _entropy(layer).argmin(dim=1)
    return weighted_sum(weights[torch.arange(len(head), device=head.device), head], layer.patches)


def _entropy(layer: Layer) -> Float[Tensor, "batch head"]:
    """Of the class token's attention to patches, in nats."""
    if "epsilon" in layer.quirks:
        weights = shares(layer.class_to_patches, epsilon=EPSILON)
        return -(weights * (weights + EPSILON).log()).sum(dim=-1)
    return torch.special.entr(shares(layer.class_to_patches)).sum(dim=-1)


def _oracle(layer: Layer) -> Tensor:
    weights = layer.oracle_to_patches.mean(dim=1)
    summed = weighted_sum(weights if "oracle-not-renormalised" in layer.quirks else shares(weights), layer.patches)
    return summed / layer.layout.patches if "mean-of-weighted" in layer.quirks else summed


POOLINGS: dict[str, Pooling] = {
    "class_token": Pooling(function=_class_token, meaning="the class token", needs_class=True),
    "patches": Pooling(function=_patches, meaning="mean of the patch tokens"),
    "registers": Pooling(function=_registers, meaning="mean of the register tokens"),
    "both": Pooling(
        function=_both, meaning="class token and mean of patches, one after the other", needs_class=True, width=2
    ),
    **{
        f"cp{size}": Pooling(
            function=partial(central_patches, size=size), meaning=f"mean of the central {size} x {size} patches"
        )
        for size in range(1, 5)
    },
    **{
        f"ca{size}": Pooling(
            function=partial(central_attention, size=size),
            meaning=f"patches weighted by the attention of the central {size} x {size}",
            needs_attention=True,
        )
        for size in range(1, 5)
    },
    "lowest_entropy_head": Pooling(
        function=_lowest_entropy_head,
        meaning="patches weighted by the class token's attention in the head where its entropy is lowest",
        needs_class=True,
        needs_attention=True,
    ),
    "mean_head": Pooling(
        function=_mean_head,
        meaning="patches weighted by the class token's attention, mean of heads",
        needs_class=True,
        needs_attention=True,
    ),
    "oracle": Pooling(
        function=_oracle,
        meaning="patches weighted by the attention of another model's class token in its last layer, mean of heads",
        needs_oracle=True,
    ),
}
"""What one vector can be made of; `abmilp`, which is trained, is not among them."""


def _known(name: str) -> Pooling:
    if name not in POOLINGS:
        near = difflib.get_close_matches(name, POOLINGS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(POOLINGS)}"
        raise ValueError(f"unknown pooling {name!r}; {hint}")
    return POOLINGS[name]


def _wide(values: Tensor) -> Tensor:
    """Half precision as float32."""
    return values.float() if torch.finfo(values.dtype).bits < 32 else values

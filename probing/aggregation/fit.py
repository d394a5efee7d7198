"""Whether tokens, attention and layout are what a pooling needs."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from models import TokenLayout

from .layer import Layer


class Needs(Protocol):
    """What a pooling says of itself."""

    @property
    def needs_class(self) -> bool: ...
    @property
    def needs_attention(self) -> bool: ...
    @property
    def needs_oracle(self) -> bool: ...


def require_fit(name: str, needs: Needs, layer: Layer) -> None:
    """Raises ValueError where something is missing, or does not belong together."""
    _require_tokens(name, needs, layer)
    if needs.needs_attention:
        _require_weights("attention", layer.attention, len(layer.tokens), layer.layout)
    if needs.needs_oracle:
        _require_class(name, layer.oracle_layout, "the oracle")
        _require_same_grid(name, layer.layout, layer.oracle_layout)
        _require_weights("oracle", layer.oracle, len(layer.tokens), layer.oracle_layout)


def _require_tokens(name: str, needs: Needs, layer: Layer) -> None:
    layout = layer.layout
    if needs.needs_class:
        _require_class(name, layout, "this model")
    if name == "registers" and not layout.registers:
        raise ValueError("pooling registers: this model has no register tokens; choose another, such as patches")
    count = layout.prefix + layout.patches
    if layer.tokens.ndim != 3 or layer.tokens.shape[1] != count:
        raise ValueError(
            f"tokens has shape {tuple(layer.tokens.shape)}; expected (batch token channel) with {count} tokens, as "
            f"{layout} says: all of a layer, prefix tokens first, and the layout of these very images"
        )


def _require_class(name: str, layout: TokenLayout, whose: str) -> None:
    if not layout.class_tokens:
        raise ValueError(f"pooling {name}: {whose} has no class token; choose patches, cp1 to cp4 or ca1 to ca4")


def _require_same_grid(name: str, layout: TokenLayout, oracle: TokenLayout) -> None:
    if oracle.grid != layout.grid:
        raise ValueError(
            f"pooling {name}: the oracle has a grid of {oracle.grid}, the tokens one of {layout.grid}; choose one "
            "with as many patches"
        )


def _require_weights(argument: str, weights: Tensor | None, images: int, layout: TokenLayout) -> None:
    count = layout.prefix + layout.patches
    if weights is None or weights.ndim != 4 or weights.shape[0] != images or weights.shape[2:] != (count, count):
        given = "is missing" if weights is None else f"has shape {tuple(weights.shape)}"
        whose = {
            "attention": "softmax weights of the same layer (the embedding, layer 0, has none)",
            "oracle": "softmax weights of another model's last layer on the same images, and oracle_layout where its "
            "prefix tokens are others",
        }
        raise ValueError(
            f"{argument} {given}; expected {whose[argument]}: (batch head query key) with {images} images and {count} "
            "queries and keys"
        )

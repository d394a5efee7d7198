"""What one layer made of a batch of images, as the poolings take it."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor

from models import TokenLayout


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """Tokens of one layer, and the attention that may weigh them.

    Attributes:
        tokens: (batch token channel), class tokens first, then registers, then the patches row by row.
        layout: where they come from.
        attention: (batch head query key) of the same layer, or None.
        oracle: (batch head query key) of another model's last layer on the same images, or None.
        oracle_layout: of that model's tokens; the grid is that of `layout`.
        quirks: of the release, see `QUIRKS`.
    """

    tokens: Tensor
    layout: TokenLayout
    attention: Tensor | None
    oracle: Tensor | None
    oracle_layout: TokenLayout
    quirks: frozenset[str]

    @property
    def patches(self) -> Float[Tensor, "batch patch channel"]:
        """Tokens of the patches."""
        return self.tokens[:, self.layout.prefix :]

    @property
    def grid_of_patches(self) -> Float[Tensor, "batch row column channel"]:
        """Tokens of the patches where they lie in the image."""
        return self.patches.unflatten(1, self.layout.grid)

    @property
    def class_to_patches(self) -> Float[Tensor, "batch head patch"]:
        """Attention of the class token to the patches, not renormalised."""
        return _given(self.attention)[:, :, 0, self.layout.prefix :]

    @property
    def oracle_to_patches(self) -> Float[Tensor, "batch head patch"]:
        """Attention of the oracle's class token to the patches, not renormalised."""
        return _given(self.oracle)[:, :, 0, self.oracle_layout.prefix :]

    @property
    def patches_to_patches(self) -> Float[Tensor, "batch head row column patch"]:
        """Attention of the patches to each other, not renormalised; queries where they lie in the image."""
        prefix = self.layout.prefix
        return _given(self.attention)[:, :, prefix:, prefix:].unflatten(2, self.layout.grid)


def shares(weights: Float[Tensor, "*batch patch"], *, epsilon: float = 0.0) -> Float[Tensor, "*batch patch"]:
    """Weights over patches divided by their sum plus epsilon; uniform where they are all 0."""
    mass = weights.sum(-1, keepdim=True) + epsilon
    empty = mass < torch.finfo(weights.dtype).tiny
    return (weights / mass.masked_fill(empty, 1)).masked_fill(empty, 1 / weights.shape[-1])


def weighted_sum(
    weights: Float[Tensor, "batch patch"], tokens: Float[Tensor, "batch patch channel"]
) -> Float[Tensor, "batch channel"]:
    """sum_j weights[j] * tokens[j]."""
    return torch.einsum("np,npc->nc", weights, tokens)


def _given(weights: Tensor | None) -> Tensor:
    if weights is None:
        raise ValueError("this pooling needs attention, and none was given")
    return weights

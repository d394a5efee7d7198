"""Attention distance: how far away the keys are that a query attends to."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from ._conventions import unknown_convention
from ._found import Found, shared
from ._grid import sides
from ._over_queries import only_feature, over_queries
from ._patch_rows import check_grid, first_patch, patch_weights
from ._precision import full_precision

DistanceConvention = Literal["park2023", "exact", "probing-vits", "vit_analysis"]
CONVENTIONS = get_args(DistanceConvention)
PARK_EPSILON = 1e-32  # the official notebook's, added to every weight before the row is renormalised


@full_precision
def _sums(
    attention: Tensor,
    *,
    queries: slice,
    grid: tuple[int, int],
    patch_size: int | tuple[int, int],
    prefix: int,
    convention: str,
    found_of_queries: Found = None,
    spare: Tensor | None = None,
) -> Tensor:
    if convention not in CONVENTIONS:
        raise unknown_convention(convention, CONVENTIONS)
    check_grid(attention, grid, prefix)
    weights, patch_queries = patch_weights(attention, queries, prefix)
    weights = weights[..., patch_queries, :]
    count, patches = weights.shape[-2:]
    spacing = _spacing(grid, patch_size, convention)
    apart = shared(
        found_of_queries,
        ("patch_distances", prefix, spacing),
        lambda: _patch_distances(first_patch(queries, prefix), count, grid=grid, spacing=spacing, like=weights),
    )
    distance = _row_products(weights, apart, None if spare is None else spare[..., patch_queries, prefix:])
    if convention == "park2023":
        distance = (distance + PARK_EPSILON * apart.sum(-1)) / (weights.sum(-1) + PARK_EPSILON * patches)
    elif convention != "probing-vits":
        mass, nowhere = weights.sum(-1), 0.0 if convention == "vit_analysis" else apart.mean(-1)
        distance = torch.where(mass == 0, nowhere, distance / mass)
    return distance.sum(-1, keepdim=True) / patches


@over_queries(_sums, only_feature)
def attention_distance(
    attention: Float[Tensor, "*batch head query key"],
    *,
    grid: tuple[int, int],
    patch_size: int | tuple[int, int],
    prefix: int = 1,
    convention: DistanceConvention = "park2023",
) -> Float[Tensor, "*batch head"]:
    """Mean distance from a query patch to the keys it attends to, in input pixels.

        distance[h] = mean_q sum_k attention[h, q, k] * |xy(q) - xy(k)|

    Conventions, all over patch queries and patch keys only:
    "park2023": pixels, 1e-32 added to each weight, rows renormalised over patches;
    "exact": the same without epsilon; a query without weight on any patch counts as uniform (float32 has no
    weights below 1e-45, and few digits of those below 1e-38);
    "probing-vits": pixels, rows not renormalised, so weight on prefix tokens counts as distance 0;
    "vit_analysis": rows renormalised, the grid stretched to the unit square (patch centres from 0 to 1 on
    both axes, `patch_size` plays no part); a query without weight on any patch counts as 0.

    Args:
        attention: softmax weights, prefix tokens first; rows sum to 1 (not checked).
        grid: (rows, columns) of the patch grid.
        patch_size: side of a patch in pixels, or (height, width).
        prefix: number of class and register tokens in front.
        convention: whose definition.
    Returns:
        0 where every query attends to itself; 116.49 for uniform attention on 14 x 14 patches of 16 pixels.
    Raises:
        ValueError: grid, prefix and attention do not fit together, or the convention is not known.
    Source: Dosovitskiy et al. 2021 (arXiv:2010.11929), fig. 7; Park et al. 2023 (arXiv:2305.00729), fig. 3;
        the code of sayakpaul/probing-vits; Walmer et al. 2023 (arXiv:2212.03862) after Raghu et al. 2021
        (arXiv:2108.08810). Grids that are not square are our extension.

    >>> import torch
    >>> crossed = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    >>> attention_distance(crossed, grid=(1, 2), patch_size=16, prefix=0)
    tensor([16.])
    """
    queries = slice(0, attention.shape[-1])
    options = {"grid": grid, "patch_size": patch_size, "prefix": prefix, "convention": convention}
    return only_feature(_sums(attention, queries=queries, **options))


def _row_products(
    weights: Float[Tensor, "*batch query patch"],
    values: Float[Tensor, "query patch"],
    spare: Float[Tensor, "*batch query patch"] | None,
) -> Float[Tensor, "*batch query"]:
    """sum_k weights[q, k] values[q, k]; on a CPU, einsum is slow with the rows of one head, and fast with those of many
    that share a row of values."""
    if spare is not None:
        return torch.mul(weights, values, out=spare).sum(-1)
    return torch.einsum("...qk,qk->...q", weights, values)


def _spacing(grid: tuple[int, int], patch_size: int | tuple[int, int], convention: str) -> tuple[float, float]:
    """Distance between neighbouring rows, and between neighbouring columns, of the grid."""
    if convention == "vit_analysis":
        return 1 / max(grid[0] - 1, 1), 1 / max(grid[1] - 1, 1)
    height, width = sides(patch_size, "patch_size")
    return float(height), float(width)


def _patch_distances(
    first: int, count: int, *, grid: tuple[int, int], spacing: tuple[float, float], like: Tensor
) -> Float[Tensor, "query patch"]:
    """Euclidean distances of `count` patches, from `first` on, from all patches of the grid."""
    columns = grid[1]
    patches = torch.arange(first, first + count, device=like.device)
    row = torch.div(patches, columns, rounding_mode="floor")
    places = row, patches - row * columns
    squares = [
        torch.arange(length, dtype=like.dtype, device=like.device).sub(place[:, None]).mul_(step).square_()
        for place, length, step in zip(places, grid, spacing, strict=True)
    ]
    return (squares[0][:, :, None] + squares[1][:, None, :]).sqrt_().flatten(1)

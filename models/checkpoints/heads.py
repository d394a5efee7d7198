"""The number of attention heads, which the shapes of most checkpoints do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

USUAL_HEAD_SIZES = range(8, 129)


def head_count(
    asked: int | None,
    *,
    dim: int,
    depth: int,
    told: int | None,
    published: Mapping[tuple[int, int], int],
    file: str,
) -> int:
    """The number of heads: from the file where its shapes tell, else as asked, else of the published model.

    Args:
        asked: what the caller gave as num_heads=.
        dim, depth: sizes of the model.
        told: heads by a bias table, a query norm or a card; None without one.
        published: heads by (dim, depth) of the published models of this family.
        file: what to call the weights in an error.
    Raises:
        ValueError: the number is not known, does not divide the dim, or contradicts the file.
    """
    if told is not None and asked is not None and asked != told:
        raise ValueError(f"{file}: num_heads={asked}, but the file says {told}; leave num_heads= (--num-heads) out")
    heads = told if told is not None else asked if asked is not None else published.get((dim, depth))
    if heads is None:
        raise ValueError(
            f"{file}: the number of heads cannot be read from the shapes, and dim {dim}, depth {depth} is no published "
            "size: pass num_heads= (--num-heads of a command), plausibly one of "
            f"{', '.join(map(str, plausible_heads(dim)))}"
        )
    if heads < 1 or dim % heads:
        raise ValueError(
            f"{file}: num_heads={heads} does not divide dim {dim}; "
            f"expected one of {', '.join(map(str, plausible_heads(dim)))}"
        )
    return heads


def own_head_count(
    model: nn.Module,
    asked: int | None,
    *,
    dim: int,
    depth: int,
    told: int | None,
    published: Mapping[tuple[int, int], int],
    file: str,
) -> int | None:
    """The number of heads that a module of the caller's has, once it is known to be that of the weights.

    Args:
        model: the module; where nothing else tells the number, its own word is taken.
        asked, dim, depth, told, published, file: as for `head_count`.
    Raises:
        ValueError: the module has another number of heads than the weights.
    """
    if asked is None and told is None and (dim, depth) not in published:
        return heads_of(model)
    heads = head_count(asked, dim=dim, depth=depth, told=told, published=published, file=file)
    check_heads(model, heads, file)
    return heads


def plausible_heads(dim: int) -> list[int]:
    """Numbers of heads that divide the dim into heads of 8 to 128 channels.

    >>> plausible_heads(384)
    [3, 4, 6, 8, 12, 16, 24, 32, 48]
    """
    return [heads for heads in range(1, dim + 1) if dim % heads == 0 and dim // heads in USUAL_HEAD_SIZES]


def heads_of(model: Any) -> int | None:
    """Number of heads of a model's first block, None where it does not say."""
    blocks = getattr(model, "blocks", None)
    return None if not blocks else getattr(getattr(blocks[0], "attn", None), "num_heads", None)


def check_heads(model: nn.Module, heads: int | None, file: str) -> None:
    """Raise ValueError where a model has another number of heads; its shapes would not show it."""
    own = heads_of(model)
    if None not in (own, heads) and own != heads:
        raise ValueError(
            f"{file}: {heads} heads were expected, the model has {own}; every shape fits, but the attention would be "
            f"wrong: build the model with num_heads={heads}, or leave num_heads= out"
        )

"""Attention maps: where in the image one query looks."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from ._grid import require_inside
from ._patch_rows import check_grid, check_rows, require_class_token
from ._precision import full_precision
from .patch_attention import as_shares

CLASS_TOKEN = 0


@full_precision
def query_attention(
    attention: Float[Tensor, "*batch head query key"],
    *,
    query: tuple[int, int] | Literal["class"],
    grid: tuple[int, int],
    prefix: int = 1,
    class_tokens: int = 1,
) -> Float[Tensor, "*batch head row column"]:
    """Share of one query's attention that each patch of the image receives, as a map over the grid.

        map[row, column] = attention[query, k(row, column)] / sum_k attention[query, k],  k over patches

    Args:
        attention: softmax weights, prefix tokens first.
        query: (row, column) of a patch, counted from 0 at the top left, or "class" for the class token.
        grid: (rows, columns) of the patch grid.
        prefix: number of class and register tokens in front.
        class_tokens: how many of them are class tokens, which come first; "class" is token 0.
    Returns:
        Each map sums to 1; uniform where the query has no weight on any patch. float32 for half precision.
    Raises:
        ValueError: grid, prefix and attention do not fit together, or the query is not there.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 2; Przewięźlikowski et al. 2025 (arXiv:2412.03215),
        fig. 1, for the class token.

    >>> import torch
    >>> query_attention(torch.eye(4)[None], query=(1, 0), grid=(2, 2), prefix=0)
    tensor([[[0., 0.],
             [1., 0.]]])
    """
    check_grid(attention, grid, prefix)
    check_rows(attention, slice(0, attention.shape[-1]), prefix)
    row = attention[..., _token(query, grid, prefix, class_tokens), prefix:]
    return as_shares(row).unflatten(-1, grid)


def _token(query: tuple[int, int] | str, grid: tuple[int, int], prefix: int, class_tokens: int) -> int:
    """Index of the query among all tokens."""
    if isinstance(query, str):
        if query != "class":
            raise ValueError(f"query={query!r} is not known; expected (row, column) or 'class'")
        require_class_token(class_tokens, prefix, cure="query='class' is not there: choose a (row, column)")
        return CLASS_TOKEN
    require_inside(query, grid)
    row, column = query
    return prefix + row * grid[1] + column

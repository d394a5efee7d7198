"""The part of a block of attention rows that concerns patches, after checking that the shapes fit."""

from jaxtyping import Float
from torch import Tensor

from ._grid import require_grid


def check_rows(attention: Tensor, queries: slice, prefix: int) -> None:
    """Raises ValueError where the rows are not those of `queries`, or `prefix` leaves no patch."""
    rows, keys = attention.shape[-2:]
    if not 0 <= prefix < keys:
        raise ValueError(f"prefix={prefix} leaves no patch of the {keys} tokens; expected 0 to {keys - 1}")
    if queries.stop - queries.start != rows or queries.start < 0 or queries.stop > keys:
        raise ValueError(
            f"attention has {rows} query rows, but tokens {queries.start} to {queries.stop} of {keys} were "
            "expected: it needs one row for each token, prefix tokens included, and one column for each; "
            "pass the weights as the softmax gives them and leave the dropping to prefix="
        )


def check_grid(attention: Tensor, grid: tuple[int, int], prefix: int) -> None:
    """Raises ValueError where the grid has another number of patches than the attention has."""
    require_grid(grid)
    keys = attention.shape[-1]
    patches = grid[0] * grid[1]
    if min(grid) > 0 and patches == keys - prefix:
        return
    fits = keys - patches
    cure = f"prefix={fits} would fit" if 0 <= fits < keys and min(grid) > 0 else "check grid=(rows, columns)"
    raise ValueError(
        f"grid={grid} has {patches} patches, but attention has {keys} keys, of which prefix={prefix} leaves "
        f"{keys - prefix}; {cure} (class token and registers count as prefix)"
    )


def require_class_token(class_tokens: int, prefix: int, *, cure: str) -> None:
    """Raises ValueError where token 0 is no class token; `cure` is what to do then."""
    if prefix < 1:
        raise ValueError(f"prefix={prefix} leaves no class token; {cure}")
    if class_tokens < 1:
        raise ValueError(
            f"class_tokens={class_tokens}: this model has no class token, its first {prefix} tokens are registers; "
            f"{cure}"
        )
    if class_tokens > prefix:
        raise ValueError(
            f"class_tokens={class_tokens} with prefix={prefix}; expected 1 to {prefix}, since prefix counts class "
            "tokens and registers together"
        )


def first_patch(queries: slice, prefix: int) -> int:
    """Index among the patches of the block's first row that belongs to a patch."""
    return max(queries.start - prefix, 0)


def patch_weights(
    attention: Float[Tensor, "*batch head query key"], queries: slice, prefix: int
) -> tuple[Float[Tensor, "*batch head query patch"], slice]:
    """Weights on patch keys, not renormalised, of all queries of a block; and which of its rows are patches.

    Args:
        attention: rows of the tokens in `queries`, all keys.
    Returns:
        A view of the attention; the slice of its rows that are patches.
    """
    check_rows(attention, queries, prefix)
    return attention[..., prefix:], slice(max(prefix - queries.start, 0), None)

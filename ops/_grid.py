"""Sizes and places on the patch grid, for metrics and plots alike; needs neither torch nor numpy."""

from numbers import Integral


def sides(size: int | tuple[int, int], name: str = "size") -> tuple[int, int]:
    """(height, width) of a size given as one number or as two.

    Raises:
        ValueError: they are not whole numbers.
    """
    both = size if isinstance(size, tuple | list) else (size, size)
    if not _two_whole_numbers(both):
        raise ValueError(f"{name}={size!r}; expected pixels as one whole number, or as two, (height, width)")
    height, width = both
    return height, width


def require_grid(grid: tuple[int, int]) -> None:
    """Raises ValueError where the grid is not two whole numbers."""
    if not _two_whole_numbers(grid):
        raise ValueError(f"grid={grid!r}; expected (rows, columns), two whole numbers, such as (14, 14)")


def require_patches(grid: tuple[int, int]) -> None:
    """Raises ValueError where a side of the grid is below 1."""
    require_grid(grid)
    if min(grid) < 1:
        raise ValueError(f"grid={grid} has no patches; expected (rows, columns), each at least 1")


def require_inside(query: tuple[int, int], grid: tuple[int, int]) -> None:
    """Raises ValueError where (row, column) is no patch of the grid."""
    if not _two_whole_numbers(query):
        raise ValueError(f"query={query!r}; expected (row, column), two whole numbers of patches, or 'class'")
    row, column = query
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        raise ValueError(
            f"query={query} lies outside grid={grid}; expected (row, column) in patches, from (0, 0) to "
            f"({grid[0] - 1}, {grid[1] - 1}), not pixels and not (x, y)"
        )


def _two_whole_numbers(pair: object) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(number, Integral) for number in pair)

"""Sizes and places on the patch grid, for metrics and plots alike; needs neither torch nor numpy."""


def sides(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a size given as one number or as two."""
    return (size, size) if isinstance(size, int) else size


def require_patches(grid: tuple[int, int]) -> None:
    """Raises ValueError where a side of the grid is below 1."""
    if min(grid) < 1:
        raise ValueError(f"grid={grid} has no patches; expected (rows, columns), each at least 1")


def require_inside(query: tuple[int, int], grid: tuple[int, int]) -> None:
    """Raises ValueError where (row, column) is no patch of the grid."""
    row, column = query
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        raise ValueError(
            f"query={query} lies outside grid={grid}; expected (row, column) in patches, from (0, 0) to "
            f"({grid[0] - 1}, {grid[1] - 1}), not pixels and not (x, y)"
        )

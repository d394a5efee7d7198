"""Per-image values too many for memory: a table in pieces, each of them a small table."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import pandas as pd

from .per_image import per_image


@dataclasses.dataclass(frozen=True)
class LongTable:
    """A table of per-image values that is never held whole, unless `whole` is asked for.

    Attributes:
        read: gives its pieces in order, anew at each call.
        columns: of each piece.
    """

    read: Callable[[], Iterable[pd.DataFrame]]
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return iter(self.read())

    def whole(self) -> pd.DataFrame:
        """All pieces as one table."""
        return pd.concat(self, ignore_index=True)

    @cached_property
    def per_image(self) -> dict[str, pd.DataFrame]:
        """The means over heads, read once: see `per_image`."""
        return per_image(self)


Table = pd.DataFrame | LongTable


def pieces(table: Table) -> Iterator[pd.DataFrame]:
    """The pieces of a table; one of a table in memory."""
    return iter([table] if isinstance(table, pd.DataFrame) else table)


def joined(tables: Sequence[Table]) -> Table:
    """Tables of the same columns, one after another; in memory where all of them are."""
    if all(isinstance(table, pd.DataFrame) for table in tables):
        return pd.concat(tables, ignore_index=True)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return LongTable(lambda: itertools.chain.from_iterable(map(pieces, tables)), tuple(tables[0].columns))


def means_of_heads(table: Table) -> dict[str, pd.DataFrame]:
    """`per_image` of a table in memory or in pieces."""
    return per_image([table]) if isinstance(table, pd.DataFrame) else table.per_image

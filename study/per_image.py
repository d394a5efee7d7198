"""The mean over heads of each image: what means, intervals and paired differences are made of."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

KEYS = ["metric", "convention", "component", "depth"]
"""Whatever of one model has a mean of its own."""


def per_image(tables: Iterable[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Mean over heads of each image, in float64, without holding more than one of the tables.

        value[key, image] = mean_head value[key, image, head]

    Args:
        tables: per-image values, columns as in `study.record.COLUMNS`; pieces of one table.
    Returns:
        By model, in the order in which they come: a row for each (metric, convention, component, depth) in sorted
        order, a column for each image. NaN where an image has no value or one of its heads has NaN.
    """
    parts: dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]] = {}
    for table in tables:
        for model in table["model"].unique():
            parts.setdefault(str(model), []).append(_sums(table[table["model"] == model]))
    return {model: _means(found) for model, found in parts.items()}


def _sums(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(sum over heads, number of heads), each (key, image); a sum with a NaN is NaN."""
    found = table.groupby([*KEYS, "image"], observed=True, sort=True)["value"].agg(["sum", "count", "size"])
    found["sum"] = found["sum"].where(found["count"] == found["size"])
    wide = found["sum"].unstack("image"), found["size"].astype("float64").unstack("image")
    return wide[0].set_axis(_plain(wide[0].index)), wide[1].set_axis(_plain(wide[1].index))


def _plain(index: pd.Index) -> pd.Index:
    """Words as words, not as categories, which differ from table to table."""
    known = index.to_frame(index=False)
    return pd.MultiIndex.from_frame(known.astype({"metric": str, "convention": str, "component": int, "depth": int}))


def _means(parts: list[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    sums, sizes = (pd.concat([part[number] for part in parts], axis=1) for number in (0, 1))
    spoilt = sums.isna() & sizes.notna()
    if sums.columns.has_duplicates:  # heads of an image in several pieces
        sums, sizes = (wide.T.groupby(level=0).sum(min_count=1).T for wide in (sums, sizes))
        spoilt = spoilt.T.groupby(level=0).any().T
    return (sums / sizes).mask(spoilt).sort_index().sort_index(axis=1)

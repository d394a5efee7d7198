"""Where over the depth of a model a probe does best, and how much the last depth falls behind."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from .difference import difference

BEST = "best"
"""Name of the table."""

KEYS = ["model", "head", "pooling", "metric"]
COLUMNS = [*KEYS, "layer", "layers", "value", "low", "high", "last", "behind", "behind_low", "behind_high"]


def best_depths(rows: pd.DataFrame) -> pd.DataFrame:
    """The best layer of each model, head and pooling, and by how much the last one is behind it.

    The images' answers are not in the rows: the ends of `behind` are those of `difference`. The best of several layers
    is a little too good, as it is chosen on the very images.

    Args:
        rows: columns of `probing.table`, several layers of each.
    Returns:
        One row for each; `layers` is the last layer, `last` its value.
    """
    found = []
    for keys, own in rows.groupby(KEYS, sort=False):
        best, last = own.loc[own["value"].idxmax()], own.loc[own["layer"].idxmax()]
        behind = difference(best, last)
        found.append(
            dict(zip(KEYS, keys, strict=True))  # pyright: ignore[reportArgumentType]
            | {"layer": best["layer"], "layers": last["layer"], "last": last["value"]}
            | {name: best[name] for name in ("value", "low", "high")}
            | {"behind": behind["value"], "behind_low": behind["low"], "behind_high": behind["high"]}
        )
    return pd.DataFrame(found, columns=COLUMNS)


def in_words(best: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """A sentence for each head and pooling: the best depth of every model.

    Args:
        best: of `best_depths`.
        names: how figures call heads and poolings.
    """
    sentences = []
    for (head, pooling), own in best.groupby(["head", "pooling"], sort=False):
        each = "; ".join(_sentence(row) for _, row in own.iterrows())
        what = ", ".join(names.get(str(word), str(word)) for word in (head, pooling))
        sentences.append(f"{what}: best at {each}.")
    return sentences


def _sentence(row: pd.Series) -> str:
    ahead = "" if row["layer"] == row["layers"] else f", the last {100 * row['behind']:.1f} points below"
    surely = " (more than its interval)" if row["behind_low"] > 0 else ""
    return f"depth {row['layer']} of {row['layers']} in {row['model']} ({100 * row['value']:.1f} %{ahead}{surely})"

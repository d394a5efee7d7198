"""What poolings gain over the class token of the same model and layer."""

from __future__ import annotations

import pandas as pd

from .difference import difference

CLASS_TOKEN = "class_token"
COLUMNS = ["model", "layer", "pooling", "head", "value", "low", "high", "images"]


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each pooling minus that of a linear probe on the class token, as a share.

    The images' answers are not in the rows: the ends are those of `difference`.

    Args:
        rows: columns of `probing.table`, accuracies.
    Returns:
        One row for each pooling but the class token; models without a class token have none.
    """
    keys = ["model", "layer"]
    plain = rows[(rows["pooling"] == CLASS_TOKEN) & (rows["head"] == "linear")]
    other = rows[rows["pooling"] != CLASS_TOKEN]
    both = other.merge(plain[[*keys, "value", "low", "high"]], on=keys, suffixes=("", "_plain"))
    usual = {name: both[f"{name}_plain"] for name in ("value", "low", "high")}
    return both.assign(**difference(both, usual))[COLUMNS]

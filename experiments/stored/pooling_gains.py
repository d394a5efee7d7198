"""What poolings gain over the class token of the same model and layer."""

from __future__ import annotations

import pandas as pd

CLASS_TOKEN = "class_token"
COLUMNS = ["model", "layer", "pooling", "head", "value", "low", "high", "images"]


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each pooling minus that of a linear probe on the class token, as a share.

    The images' answers are not in the rows, so the ends are the widest that both intervals allow.

    Args:
        rows: columns of `probing.table`, accuracies.
    Returns:
        One row for each pooling but the class token; models without a class token have none.
    """
    keys = ["model", "layer"]
    plain = rows[(rows["pooling"] == CLASS_TOKEN) & (rows["head"] == "linear")]
    other = rows[rows["pooling"] != CLASS_TOKEN]
    both = other.merge(plain[[*keys, "value", "low", "high"]], on=keys, suffixes=("", "_plain"))
    both = both.assign(
        value=both["value"] - both["value_plain"],
        low=both["low"] - both["high_plain"],
        high=both["high"] - both["low_plain"],
    )
    return both[COLUMNS]

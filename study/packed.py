"""A table of per-image values as arrays, and back: small on disk, quick to send, with no strings but each word once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Arrays = dict[str, np.ndarray]

NUMBERS = ("depth", "head", "image", "component", "value")
WORDS = ("metric", "convention")


def packed(table: pd.DataFrame) -> Arrays:
    """The columns of a table as `models.measure` gives it; words as codes (`metric`) of a list (`metrics`)."""
    arrays = {name: table[name].to_numpy() for name in NUMBERS}
    for name in WORDS:
        words = table[name].astype("category").cat
        arrays |= {name: words.codes.to_numpy(), f"{name}s": np.array(words.categories, dtype=np.str_)}
    return arrays


def unpacked(arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The table again; arrays of other names are left alone."""
    columns = {name: arrays[name] for name in NUMBERS}
    words = {name: pd.Categorical.from_codes(arrays[name], arrays[f"{name}s"].astype(object)) for name in WORDS}
    return pd.DataFrame(columns | words)

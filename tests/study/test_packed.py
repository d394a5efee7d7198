"""A table as arrays and back."""

import numpy as np
import pandas as pd

from study.packed import packed, unpacked


def test_a_table_comes_back_with_its_words_and_nothing_else():
    table = pd.DataFrame(
        {
            "depth": [1, 2, 1],
            "head": [-1, 0, 1],
            "image": np.array([4, 4, 5], dtype=np.int32),
            "component": [-1, -1, 3],
            "value": [0.5, np.nan, -np.inf],
            "metric": ["nmi", "distance", "nmi"],
            "convention": ["exact", "", "exact"],
        }
    )
    arrays = packed(table)
    assert arrays["metric"].dtype.kind == "i" and list(arrays["metrics"]) == ["distance", "nmi"]
    again = unpacked({**arrays, "tiles": np.zeros(7)})[list(table)]
    pd.testing.assert_frame_equal(again.astype(table.dtypes.to_dict()), table)

"""Means and intervals against loops."""

import numpy as np
import pandas as pd
import pytest
import torch

from ops import bootstrap_interval
from study.record import COLUMNS
from study.summary import SUMMARY, summary


def long_table(values, model="m", metric="nmi", depth=1):
    rows = [
        (model, depth, head, image, metric, -1, "exact", values[image, head])
        for image in range(values.shape[0])
        for head in range(values.shape[1])
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_mean_over_heads_then_over_images():
    values = np.random.default_rng(0).normal(size=(5, 3))
    other = np.random.default_rng(1).normal(size=(4, 3))
    table = pd.concat([long_table(values, "z"), long_table(other, "a", "distance", 7)]).sample(frac=1, random_state=0)
    table = table.sort_values("model", ascending=False, kind="stable")
    table["metric"] = table["metric"].astype("category")
    found = summary(table)
    assert list(found.columns) == list(SUMMARY) and list(found["model"]) == ["z", "a"]
    for row, expected in zip(found.itertuples(), (values, other), strict=True):
        per_image = expected.mean(axis=1)
        low, high = bootstrap_interval(torch.from_numpy(per_image))
        wanted = [len(per_image), per_image.mean(), per_image.std(ddof=1) / len(per_image) ** 0.5, low, high]
        np.testing.assert_allclose([row.images, row.mean, row.error, row.low, row.high], wanted, rtol=1e-12)


def test_components_stay_apart():
    table = pd.concat([long_table(np.ones((2, 1)) * c).assign(component=c, head=-1) for c in (0, 1)])
    assert summary(table)["mean"].tolist() == [0.0, 1.0]


def test_one_image_has_no_interval_and_nan_is_not_hidden():
    single = summary(long_table(np.ones((1, 2)))).iloc[0]
    assert single["mean"] == 1 and np.isnan([single["error"], single["low"], single["high"]]).all()
    assert np.isnan(summary(long_table(np.array([[1.0, np.nan], [1.0, 1.0]])))["mean"]).all()


def test_empty():
    with pytest.raises(ValueError, match="has no rows"):
        summary(long_table(np.ones((0, 1))))

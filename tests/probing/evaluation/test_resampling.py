"""Draws of images: the same as those of the interval of a mean, paired by seed."""

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from torch.testing import assert_close

from ops import bootstrap_interval, resampled_means
from probing.evaluation.resampling import percentile_interval


def test_draws_are_those_of_the_interval_of_a_mean():
    values = torch.randn(37, 2, 3, dtype=torch.float64)
    found = percentile_interval(resampled_means(values), images=37)
    for own, theirs in zip(found, bootstrap_interval(values), strict=True):
        assert_close(own, theirs, rtol=1e-12, atol=1e-12)


def test_ratio_of_the_same_images_as_scipy():
    generator = np.random.default_rng(0)
    below = generator.random(300) < 0.6
    above = below & (generator.random(300) < 0.4)
    theirs = bootstrap(
        (above, below),
        lambda a, b: a.mean() / b.mean(),
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        random_state=generator,
    ).confidence_interval
    draws = resampled_means(torch.tensor(above).double()) / resampled_means(torch.tensor(below).double())
    low, high = percentile_interval(draws, images=300)
    assert_close(torch.stack([low, high]), torch.tensor(list(theirs)), rtol=0, atol=0.015)  # of 2000 random draws


def test_seeds_pair():
    values = torch.rand(50)
    assert torch.equal(resampled_means(values) - resampled_means(values), torch.zeros(2000, dtype=torch.float64))
    assert (resampled_means(values) - resampled_means(values, seed=1)).abs().min() < 0.1
    assert not torch.equal(resampled_means(values), resampled_means(values, seed=1))


def test_no_interval_where_a_draw_has_no_denominator():
    few, many = torch.zeros(100), torch.zeros(100)
    few[:2], many[:20] = 1, 1
    draws = resampled_means(torch.stack([few, many], dim=1))
    for ratio in (draws / draws, (draws + draws.eq(0)) / draws):  # 0 / 0, and 1 / 0
        low, high = percentile_interval(ratio, images=100)
        assert low.isnan().tolist() == high.isnan().tolist() == [True, False]
        assert (low[1], high[1]) == (1, 1)


def test_one_image():
    with pytest.raises(ValueError, match=r"values has 1 image in shape .* an interval needs at least 2"):
        resampled_means(torch.ones(1))

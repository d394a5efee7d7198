"""Bootstrap intervals: coverage, the normal approximation, reproducibility."""

import pytest
import torch
from torch.testing import assert_close

from ops.bootstrap import bootstrap_interval, resampled_means
from ops.expanded_tail import expanded_tail


def test_agrees_with_the_normal_interval_of_many_values():
    values = torch.randn(400, dtype=torch.float64) * 3 + 10
    low, high = bootstrap_interval(values, resamples=4000)
    error = values.std(correction=0) / 400**0.5
    assert_close(low, values.mean() - 1.96 * error, rtol=0, atol=0.15 * error.item())
    assert_close(high, values.mean() + 1.96 * error, rtol=0, atol=0.15 * error.item())


def test_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = torch.rand(30, dtype=torch.float64).square()
    low, high = bootstrap_interval(values, level=0.9, resamples=5000)
    plain = 1 - 2 * expanded_tail(30, level=0.9)  # level of the percentile interval with these tails
    other = stats.bootstrap((values.numpy(),), lambda x, axis: x.mean(axis), n_resamples=5000, method="percentile",
                            confidence_level=plain, rng=0).confidence_interval  # fmt: skip
    width = other.high - other.low
    assert low.item() == pytest.approx(other.low, abs=0.06 * width)
    assert high.item() == pytest.approx(other.high, abs=0.06 * width)


def test_is_the_quantiles_of_means_of_drawn_images():
    values = torch.randn(7, 2, 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(5)
    means = torch.stack([values[torch.randint(7, (7,), generator=generator)].mean(0) for _ in range(50)])
    low, high = bootstrap_interval(values, level=0.8, resamples=50, seed=5)
    tail = expanded_tail(7, level=0.8)
    assert_close(low, means.quantile(tail, dim=0), rtol=1e-12, atol=1e-12)
    assert_close(high, means.quantile(1 - tail, dim=0), rtol=1e-12, atol=1e-12)


def test_of_many_images_it_is_the_plain_percentile_interval():
    values = torch.randn(20000, dtype=torch.float64)
    low, high = bootstrap_interval(values, resamples=500)
    plain = resampled_means(values, resamples=500).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    assert_close(torch.stack([low, high]), plain, rtol=0, atol=0.002 * float(high - low))


def test_of_two_images_it_is_all_draws():
    low, high = bootstrap_interval(torch.tensor([1.0, 2.0]))
    assert (low, high) == (1, 2)


def test_a_seed_fixes_it_and_leaves_the_global_one_alone():
    values = torch.randn(20)
    state = torch.random.get_rng_state()
    first, again, other = (bootstrap_interval(values, resamples=100, seed=seed) for seed in (1, 1, 2))
    assert_close(first, again, rtol=0, atol=0)
    assert first[0] != other[0]
    assert torch.equal(state, torch.random.get_rng_state())


def test_limits():
    low, high = bootstrap_interval(torch.full((5, 2), 0.25), resamples=10)
    assert low.tolist() == high.tolist() == [0.25, 0.25]
    values = torch.randn(5, 2)
    values[3, 1] = torch.nan
    low, high = bootstrap_interval(values, resamples=10)
    assert low.isnan().tolist() == high.isnan().tolist() == [False, True]
    half = torch.randn(5).bfloat16()
    assert_close(bootstrap_interval(half), bootstrap_interval(half.double()), rtol=0, atol=0)


def test_errors():
    with pytest.raises(ValueError, match=r"values has 1 image in shape \(1, 12\).*per-image values, not their mean"):
        bootstrap_interval(torch.zeros(1, 12))
    with pytest.raises(ValueError, match=r"level=95\.0; expected a share between 0 and 1"):
        bootstrap_interval(torch.zeros(3), level=95.0)
    with pytest.raises(ValueError, match=r"resamples=0; expected at least 1"):
        bootstrap_interval(torch.zeros(3), resamples=0)

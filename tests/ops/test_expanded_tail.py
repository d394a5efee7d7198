"""Tails of the expanded percentile interval: SciPy's formula, what they mean for coverage, and their limits."""

import pytest
import torch
from scipy.stats import norm, t

from ops import bootstrap_interval, expanded_tail


@pytest.mark.parametrize("samples", [2, 3, 4, 6, 17, 250])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_against_scipy(samples, level):
    expected = norm.cdf(-((samples / (samples - 1)) ** 0.5) * t.ppf((1 + level) / 2, samples - 1))
    tolerance = 0.05 if samples == 4 else 0.02  # Student's t is known to 0.5 %, least of 3 degrees of freedom
    assert expanded_tail(samples, level=level) == pytest.approx(expected, rel=tolerance)


def test_of_many_samples_it_is_the_plain_one():
    tails = [expanded_tail(samples) for samples in (6, 17, 250, 10**4, 10**8)]
    assert tails == sorted(tails) and tails[-1] == pytest.approx(0.025, rel=1e-6)
    assert norm.ppf(expanded_tail(250)) / norm.ppf(0.025) == pytest.approx(1.007, abs=5e-4)


@pytest.mark.parametrize("images", [6, 17])
def test_intervals_of_few_normal_values_cover(images):
    covered = []
    for seed in range(20):
        values = torch.randn(images, 500, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        low, high = bootstrap_interval(values, seed=seed)
        covered.append(((low <= 0) & (high >= 0)).double().mean())
    expected = {6: 0.932, 17: 0.947}[images]  # of 40000 trials; of the plain percentile interval 0.860 and 0.923
    assert torch.stack(covered).mean().item() == pytest.approx(expected, abs=0.005)  # twice the error of these


def test_errors():
    with pytest.raises(ValueError, match="samples=1; expected at least 2"):
        expanded_tail(1)
    with pytest.raises(ValueError, match=r"level=95; expected a share between 0 and 1"):
        expanded_tail(6, level=95)

"""Feature-map variance against loops and the official numbers."""

import statistics

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ops.featuremap_variance import featuremap_variance


def test_is_the_unbiased_variance_of_each_channel():
    tokens = torch.randn(2, 6, 4, dtype=torch.float64)
    channels = [[statistics.variance(channel) for channel in image.T.tolist()] for image in tokens]
    expected = torch.tensor(channels, dtype=torch.float64).mean(1)
    assert_close(featuremap_variance(tokens), expected, rtol=1e-12, atol=1e-12)


def test_offsets_do_not_matter_and_equal_tokens_give_zero():
    tokens = torch.randn(3, 6, 4, dtype=torch.float64)
    assert_close(featuremap_variance(tokens + 7), featuremap_variance(tokens), rtol=1e-12, atol=1e-12)
    assert featuremap_variance(torch.full((6, 4), 0.1)) == 0


@pytest.mark.parametrize("side", [6, 7, 14])
def test_golden(golden, side):
    official = np.load(golden / "ops.npz")
    latents = torch.from_numpy(official[f"latents/g{side}"])[..., 1:, :]
    expected = torch.from_numpy(official[f"featuremap_variance/g{side}"])
    assert_close(featuremap_variance(latents).mean(1), expected, rtol=1e-5, atol=1e-5)


def test_one_token_is_refused():
    with pytest.raises(ValueError, match=r"tokens has 1 token in shape \(2, 1, 4\).*not a pooled vector"):
        featuremap_variance(torch.zeros(2, 1, 4))

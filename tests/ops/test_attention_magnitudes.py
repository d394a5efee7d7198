"""Magnitudes of Beyond [cls] against loops and the official numbers."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ops.attention_magnitudes import attention_magnitudes


@pytest.mark.parametrize("prefix", [1, 5])
def test_is_the_ratio_of_lengths(prefix):
    before, branch = torch.randn(2, 3, 11, 4, dtype=torch.float64)
    result = attention_magnitudes(before, branch, prefix=prefix)
    for image in range(3):
        lengths = [
            math.hypot(*y) / (math.hypot(*x) + 1e-6)
            for x, y in zip(before[image].tolist(), branch[image].tolist(), strict=True)
        ]
        assert result["cls_magnitude"][image].item() == pytest.approx(lengths[0], rel=1e-12)
        patches = lengths[prefix:]
        assert result["pos_magnitude"][image].item() == pytest.approx(sum(patches) / len(patches), rel=1e-12)


@pytest.mark.parametrize("side", ["g6", "g7"])
def test_golden(golden, side):
    """The official file stores lengths: vectors with one channel have them."""
    official = np.load(golden / "ops.npz")
    lengths = torch.from_numpy(official[f"bcls/{side}/magnitudes"])[..., None]
    expected = torch.from_numpy(official[f"bcls/{side}/magn_stats"]).transpose(0, 1)  # block, image, [cls, pos]
    result = attention_magnitudes(lengths[:, 0], -lengths[:, 1])
    assert_close(torch.stack([result["cls_magnitude"], result["pos_magnitude"]], -1), expected, rtol=1e-5, atol=1e-5)
    for name, values in result.items():
        summary = torch.from_numpy(official[f"bcls/{side}/summary/{name}"])
        assert_close(values.mean(1), summary, rtol=1e-5, atol=1e-5)


def test_zeros_give_no_nan():
    zeros = torch.zeros(2, 4, 3)
    assert attention_magnitudes(zeros, zeros)["cls_magnitude"].tolist() == [0, 0]


@pytest.mark.parametrize("prefix", [0, 4, -1])
def test_a_prefix_that_fits_no_class_token_or_patch_is_refused(prefix):
    with pytest.raises(ValueError, match=rf"prefix={prefix} with 4 tokens; expected 1 to 3"):
        attention_magnitudes(torch.zeros(1, 4, 3), torch.zeros(1, 4, 3), prefix=prefix)


def test_registers_are_no_class_token():
    with pytest.raises(ValueError, match="class_tokens=0: this model has no class token, its first 2 tokens are reg"):
        attention_magnitudes(torch.zeros(1, 4, 3), torch.zeros(1, 4, 3), prefix=2, class_tokens=0)

"""Phases of one image, amplitudes of another."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from probing.evaluation.amplitude_swap import amplitude_swapped


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(2, 9), columns=st.integers(2, 9), seed=st.integers(0, 99))
def test_phases_stay_and_amplitudes_change(rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    image, other = torch.randn(2, 3, rows, columns, dtype=torch.float64, generator=generator)
    found = torch.fft.fft2(amplitude_swapped(image, other))
    own, others = torch.fft.fft2(image), torch.fft.fft2(other)
    assert_close(found[:, 0, 0], own[:, 0, 0], rtol=1e-9, atol=1e-9)  # the mean colour stays
    for mine, phases, amplitudes in zip(found.flatten(), own.flatten(), others.flatten(), strict=True):
        if mine in found[:, 0, 0]:
            continue
        assert mine.abs().item() == pytest.approx(amplitudes.abs().item(), abs=1e-9)
        assert (mine * phases.abs()).sub(phases * mine.abs()).abs() < 1e-8


def test_with_itself_it_is_itself():
    image = torch.randn(2, 3, 5, 8)
    assert_close(amplitude_swapped(image, image), image, rtol=1e-5, atol=1e-6)


def test_normalised_or_not_is_the_same():
    image, other = torch.rand(2, 3, 6, 7, dtype=torch.float64)
    mean, std = torch.rand(2, 3, 1, 1, dtype=torch.float64) + 0.1
    after = (amplitude_swapped(image, other) - mean) / std
    before = amplitude_swapped((image - mean) / std, (other - mean) / std)
    assert_close(before, after, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtype_stays(dtype):
    assert amplitude_swapped(torch.rand(3, 4, 4, dtype=dtype), torch.rand(3, 4, 4, dtype=dtype)).dtype == dtype


def test_sizes_differ():
    with pytest.raises(ValueError, match=r"images of \(3, 4, 4\) and \(3, 4, 5\); expected the same size"):
        amplitude_swapped(torch.rand(3, 4, 4), torch.rand(3, 4, 5))

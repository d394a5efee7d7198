"""The Fourier curve against sums over patches, the FFT, closed forms and the official numbers."""

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ops.fourier import diagonal_frequencies, relative_log_amplitude
from tests.ops._random import randn


def by_hand(tokens, grid):
    """One image, from the formula, patch by patch."""
    logs = []
    for k in range(math.ceil(min(grid) / 2)):
        frequency = 2 * k / min(grid)
        amplitudes = []
        for channel in tokens.T.tolist():
            total = 0
            for patch, value in enumerate(channel):
                row, column = divmod(patch, grid[1])
                total += value * cmath.exp(-1j * math.pi * frequency * (row + column))
            amplitudes.append(abs(total))
        logs.append(sum(math.log(a + 1e-6) for a in amplitudes) / len(amplitudes))
    return torch.tensor([value - logs[0] for value in logs], dtype=torch.float64)


@pytest.mark.parametrize("grid", [(4, 4), (5, 5), (3, 5), (6, 4), (7, 10), (1, 4), (1, 1)])
def test_is_the_sum_over_patches(grid):
    tokens = randn(2, grid[0] * grid[1], 3)
    expected = torch.stack([by_hand(image, grid) for image in tokens])
    assert_close(relative_log_amplitude(tokens, grid=grid), expected, rtol=1e-10, atol=1e-10)
    assert expected.shape[-1] == len(diagonal_frequencies(grid))


@pytest.mark.parametrize("side", [5, 6, 14])
def test_is_the_diagonal_of_the_two_dimensional_spectrum(side):
    tokens = randn(3, side * side, 4)
    amplitude = torch.fft.fft2(tokens.unflatten(-2, (side, side)), dim=(-3, -2)).abs()
    spectrum = (amplitude + 1e-6).log().mean(-1)
    diagonal = spectrum.diagonal(dim1=-2, dim2=-1)[..., : math.ceil(side / 2)]
    curve = relative_log_amplitude(tokens, grid=(side, side))
    assert_close(curve, diagonal - diagonal[..., :1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("side", [6, 7, 14])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_golden(golden, side, dtype):
    official = np.load(golden / "ops.npz")
    latents = torch.from_numpy(official[f"latents/g{side}"]).to(dtype)[..., 1:, :]
    per_image = relative_log_amplitude(latents, grid=(side, side)).float()
    assert_close(per_image, torch.from_numpy(official[f"fourier_per_image/g{side}"]), rtol=1e-5, atol=1e-5)
    assert_close(per_image.mean(1), torch.from_numpy(official[f"fourier/g{side}"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("grid", [(14, 14), (7, 10), (10, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_map_has_frequency_zero_only(grid, dtype):
    patches = grid[0] * grid[1]
    curve = relative_log_amplitude(torch.full((patches, 5), 3.7, dtype=dtype), grid=grid)
    expected = math.log(1e-6) - math.log(patches * 3.7 + 1e-6)
    assert curve[0] == 0
    assert_close(curve[1:], torch.full_like(curve[1:], expected), rtol=1e-5, atol=1e-5)


def test_a_wave_stands_at_its_frequency():
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    wave = (math.pi * 0.5 * (rows + columns)).cos().reshape(64, 1)
    assert relative_log_amplitude(wave + 0.01, grid=(8, 8)).argmax() == 2
    assert diagonal_frequencies((8, 8))[2] == 0.5


def test_zero_tokens_give_zero():
    assert_close(relative_log_amplitude(torch.zeros(16, 2), grid=(4, 4)), torch.zeros(2))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), down=st.integers(0, 5), right=st.integers(0, 5))
def test_shifts_of_a_square_map_do_not_matter(seed, down, right):
    tokens = randn(36, 3, seed=seed)
    moved = tokens.reshape(6, 6, 3).roll((down, right), dims=(0, 1)).reshape(36, 3)
    expected = relative_log_amplitude(tokens, grid=(6, 6))
    assert_close(relative_log_amplitude(moved, grid=(6, 6)), expected, rtol=1e-7, atol=1e-7)


def test_a_large_offset_does_not_drown_the_waves():
    tokens = randn(196, 16)
    offset = torch.zeros(16, dtype=torch.float64)
    offset[3] = 500.0
    exact = relative_log_amplitude(tokens + offset, grid=(14, 14))
    assert_close(relative_log_amplitude((tokens + offset).float(), grid=(14, 14)).double(), exact, rtol=1e-5, atol=1e-5)


def test_frequencies_in_units_of_pi():
    assert_close(diagonal_frequencies((14, 14))[-1], torch.tensor(6 / 7))
    assert_close(diagonal_frequencies((37, 37))[-1], torch.tensor(36 / 37))
    assert_close(diagonal_frequencies((3, 8)), torch.tensor([0, 2 / 3]))


def test_errors():
    with pytest.raises(ValueError, match=r"grid=\(4, 4\) has 16 patches, but tokens has 17.*drop the class token"):
        relative_log_amplitude(torch.zeros(17, 2), grid=(4, 4))
    with pytest.raises(ValueError, match=r"grid=\(-4, -4\)"):
        relative_log_amplitude(torch.zeros(16, 2), grid=(-4, -4))
    with pytest.raises(ValueError, match=r"grid=\(0, 4\) has no patches"):
        diagonal_frequencies((0, 4))

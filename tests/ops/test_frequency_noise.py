"""Noise in a band: where it lies in the spectrum, how large it is, that bands tile."""

import pytest
import torch
from torch.testing import assert_close

from ops.frequency_noise import frequency_noise


def noise(size, *, dtype=torch.float64, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return frequency_noise(torch.zeros(*size, dtype=dtype), generator=generator, **options)


def ring_by_hand(rows, columns, frequency, width):
    """From the sides of the two squares in the centred spectrum, bin by bin."""
    ring = torch.zeros(rows, columns, dtype=torch.bool)
    for row in range(rows):
        for column in range(columns):
            inside = []
            for edge in (frequency + width / 2, frequency - width / 2):
                last = [max(int(edge * pixels / 2 + 1e-9), 0) for pixels in (rows, columns)]
                place = row - rows // 2, column - columns // 2
                inside.append(all(-m <= p < m for m, p in zip(last, place, strict=True)))
            ring[row, column] = inside[0] and not inside[1]
    return ring


@pytest.mark.parametrize("size", [(16, 16), (24, 10), (15, 9)])
@pytest.mark.parametrize(("frequency", "width"), [(0.3, 0.25), (0.5, 0.4), (0.9, 0.3), (0.0, 0.5)])
def test_is_the_real_part_of_the_filtered_delta(size, frequency, width):
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    generator = torch.Generator().manual_seed(4)
    noisy = frequency_noise(images, frequency=frequency, width=width, epsilon=0.7, generator=generator)
    delta = 0.7 * torch.randn(2, 3, *size, dtype=torch.float64, generator=generator.manual_seed(4)).sign()
    spectrum = torch.fft.fftshift(torch.fft.fft2(delta), dim=(-2, -1)) * ring_by_hand(*size, frequency, width)
    expected = images + torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real
    assert_close(noisy, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("side", [40, 224])
def test_bands_tile_the_spectrum(side):
    """All bands together give the unfiltered delta back, no bin twice and none left out."""
    centres = [step / 10 for step in range(11)]
    total = sum(noise((1, side, side), frequency=f, epsilon=1.0) for f in centres)
    assert_close(total.abs(), torch.ones_like(total), rtol=1e-9, atol=1e-9)


def test_lies_in_its_band_and_is_real():
    spectrum = torch.fft.fft2(noise((1, 32, 32), frequency=0.5, width=0.25, epsilon=1.0)).abs()[0]
    largest = torch.maximum(*torch.meshgrid(*[torch.fft.fftfreq(32).abs() * 2] * 2, indexing="ij"))
    assert spectrum[(largest < 0.36) | (largest > 0.64)].max() < 1e-9
    assert spectrum[(largest > 0.4) & (largest < 0.6)].min() > 0


def test_epsilon_scales_and_sign_can_be_left_out():
    options = {"frequency": 0.5, "width": 0.5}
    single = noise((3, 16, 16), epsilon=0.1, **options)
    assert_close(noise((3, 16, 16), epsilon=0.2, **options), 2 * single, rtol=1e-12, atol=1e-12)
    everything = noise((1, 64, 64), frequency=0.5, width=2.0, epsilon=0.3, sign=False)
    assert everything.std().item() == pytest.approx(0.3, rel=0.05)
    assert everything.abs().unique().numel() > 1000


def test_a_generator_fixes_it():
    options = {"frequency": 0.5, "width": 0.5, "epsilon": 1.0}
    assert torch.equal(noise((2, 16, 16), **options), noise((2, 16, 16), **options))
    assert not torch.equal(noise((2, 16, 16), **options), noise((2, 16, 16), seed=1, **options))
    two = noise((2, 16, 16), **options)
    assert not torch.equal(two[0], two[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_keeps_the_dtype_and_a_nan_stays_in_its_image(dtype):
    images = torch.zeros(2, 3, 16, 16, dtype=dtype)
    images[0, 0, 0, 0] = torch.nan
    noisy = frequency_noise(images, frequency=0.5, width=0.5, epsilon=1.0)
    assert noisy.dtype == dtype
    assert noisy[1].isfinite().all()
    assert noisy.isnan().sum() == 1


def test_errors():
    with pytest.raises(ValueError, match=r"frequency=1\.57.*units of pi: for radians divide by pi"):
        noise((1, 16, 16), frequency=1.57, epsilon=1.0)
    with pytest.raises(ValueError, match=r"width=0.*above 0"):
        noise((1, 16, 16), frequency=0.5, width=0.0, epsilon=1.0)
    with pytest.raises(ValueError, match=r"width=0.1 at frequency=0.1 holds no frequency bin.*wider band"):
        noise((1, 8, 8), frequency=0.1, epsilon=1.0)

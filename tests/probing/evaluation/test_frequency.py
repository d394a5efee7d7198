"""Worst drop over bands, and the size of the noise that makes it."""

import pytest
import torch

from ops import frequency_noise
from probing.evaluation.frequency import FREQUENCIES, band_name, bins_of, calibrated, uneven_bands, worst_drop


def test_bands():
    assert [band_name(frequency) for frequency in FREQUENCIES] == [f"0.{n}pi" for n in range(1, 10)]


def test_worst_drop():
    clean = torch.tensor([True] * 8 + [False] * 2)
    better, worse = clean.clone(), clean.clone()
    better[9], worse[:3] = True, False
    assert worst_drop(clean, [better, worse, clean]) == pytest.approx(0.3)
    assert worst_drop(clean, [better]) == pytest.approx(-0.1)


@pytest.mark.parametrize("target", [0.05, 0.15, 0.5])
def test_calibration_finds_the_size(target):
    def drop(epsilon):  # of a saturating curve, whose inverse is known
        return 0.8 * epsilon / (epsilon + 2)

    found = calibrated(drop, target)
    assert found.drop == pytest.approx(target, abs=0.005)
    assert found.epsilon == pytest.approx(2 * target / (0.8 - target), rel=0.12)
    assert (found.epsilon, found.drop) in found.tried
    assert len(found.tried) <= 11


def test_a_step_is_met_from_its_nearer_side():
    """Few images make steps: no size has exactly the drop that was asked for."""
    found = calibrated(lambda epsilon: 0.0 if epsilon < 1 else 0.16 if epsilon < 1.1 else 0.5, 0.15)
    assert found.drop == 0.16


def test_calibration_that_cannot_be():
    with pytest.raises(ValueError, match=r"epsilon 64 takes 9\.0 points at most, 15 were asked for"):
        calibrated(lambda epsilon: 0.09, 0.15)
    with pytest.raises(ValueError, match=r"drop of 0 points; expected between 0 and 100"):
        calibrated(lambda epsilon: 0.5, 0.0)


@pytest.mark.parametrize("pixels", [24, 32, 224])
@pytest.mark.parametrize("frequency", [0.2, 0.45, 0.7])
def test_bins_are_those_of_the_noise(pixels, frequency):
    """Along one axis; the real part of the noise has the band's outermost bin, -m, on both sides."""
    noise = frequency_noise(torch.zeros(1, pixels, pixels), frequency=frequency, width=0.15, epsilon=1.0)
    along = torch.fft.fft2(noise.double())[0, 0, : pixels // 2].abs() > 1e-3
    assert int(along.sum()) == bins_of(frequency, 0.15, pixels) + 1


def test_uneven_bands_are_told():
    assert uneven_bands(FREQUENCIES, 0.1, 224) is None
    told = uneven_bands(FREQUENCIES, 0.1, 32)
    assert "bands are 1 to 2 bins wide" in told
    assert "--width 0.125 and --frequencies of whole multiples of 0.125" in told
    assert uneven_bands([n * 0.125 for n in range(1, 8)], 0.125, 32) is None

"""Worst drop over bands, and the size of the noise that makes it."""

import pytest
import torch

from probing.evaluation.frequency import FREQUENCIES, band_name, calibrated, worst_drop


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

"""Singular spectra against the definition; the covariance of a stream against that of the whole."""

import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ops.singular_spectrum import Covariance, singular_spectrum
from tests.ops._random import randn

FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}


def covariance_by_hand(samples):
    """Entry by entry, divisor samples - 1."""
    count, channels = samples.shape
    mean = [sum(column) / count for column in samples.T.tolist()]
    matrix = torch.zeros(channels, channels, dtype=torch.float64)
    for sample in samples.tolist():
        for i in range(channels):
            for j in range(channels):
                matrix[i, j] += (sample[i] - mean[i]) * (sample[j] - mean[j]) / (count - 1)
    return matrix


@pytest.mark.parametrize(("samples", "channels"), [(9, 4), (4, 9), (5, 5), (2, 3), (3, 1)])
def test_is_the_log_of_the_singular_values_of_the_covariance(samples, channels):
    features = randn(2, samples, channels)
    rank = min(samples - 1, channels)
    expected = [torch.linalg.svdvals(covariance_by_hand(image))[:rank].log() for image in features]
    spectrum = singular_spectrum(features)
    assert_close(spectrum, torch.stack(expected), **FLOAT64)
    covariance = Covariance()
    covariance.update(features[0])
    assert_close(covariance.matrix(), covariance_by_hand(features[0]), **FLOAT64)
    assert_close(covariance.spectrum(), spectrum[0], **FLOAT64)


def test_closed_form_of_known_variances():
    axes = torch.linalg.qr(randn(3, 3)).Q
    scaled = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 5, 0], [0, -5, 0]], dtype=torch.float64) @ axes
    expected = torch.tensor([50 / 3, 2 / 3], dtype=torch.float64).log()
    assert_close(singular_spectrum(scaled + 3)[:2], expected, **FLOAT64)


def test_what_is_numerically_zero_stands_at_the_floor():
    flat = randn(6, 1) @ randn(1, 4)
    spectrum = singular_spectrum(flat)
    floor = spectrum[0] + math.log(6 * torch.finfo(torch.float64).eps)
    assert_close(spectrum[1:], floor.expand(3), **FLOAT64)
    equal = singular_spectrum(torch.ones(2, 5, 3))
    assert_close(equal, torch.full_like(equal, math.log(torch.finfo(torch.float64).tiny)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(0.01, 100))
def test_rotation_and_offset_do_not_matter_and_scale_adds_its_square(seed, scale):
    features = randn(7, 4, seed=seed)
    moved = scale * features @ torch.linalg.qr(randn(4, 4, seed=seed + 1)).Q + 5
    assert_close(singular_spectrum(moved), singular_spectrum(features) + 2 * math.log(scale), rtol=1e-8, atol=1e-8)


def test_infinity_gives_nan_for_that_image_only():
    features = randn(3, 5, 4)
    expected = singular_spectrum(features)
    features[1, 2, 3] = torch.inf
    spectrum = singular_spectrum(features)
    assert spectrum[1].isnan().all()
    assert_close(spectrum[[0, 2]], expected[[0, 2]], rtol=0, atol=0)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 12), max_size=4), processes=st.integers(1, 3))
def test_any_split_into_batches_and_processes_gives_the_same(cuts, processes):
    samples = randn(12, 5) + 100
    parts = [Covariance() for _ in range(processes)]
    for number, batch in enumerate(samples.tensor_split(sorted(cuts))):
        parts[number % processes].update(batch)
    total = Covariance()
    for part in parts:
        total += pickle.loads(pickle.dumps(part))
    assert total.count == 12
    assert_close(total.matrix(), torch.cov(samples.T), rtol=1e-9, atol=1e-9)


def test_adding_leaves_both_sides_as_they_were():
    left, right = Covariance(), Covariance()
    left.update(randn(4, 3))
    right.update(randn(5, 3, seed=1))
    before = left.matrix().clone(), right.matrix().clone()
    assert (left + right).count == 9
    assert_close((left.matrix(), right.matrix()), before, rtol=0, atol=0)


def test_half_precision_is_gathered_in_float64():
    samples = randn(8, 3).bfloat16()
    covariance = Covariance()
    covariance.update(samples)
    assert_close(covariance.matrix(), torch.cov(samples.double().T), **FLOAT64)


def test_distance_is_that_of_pairs():
    samples = randn(6, 3)
    covariance = Covariance()
    covariance.update(samples)
    assert_close(covariance.distance(), torch.pdist(samples).square().mean().sqrt(), **FLOAT64)


def test_errors_leave_what_was_gathered():
    covariance = Covariance()
    with pytest.raises(ValueError, match=r"Covariance has 0 samples; a covariance needs at least 2"):
        covariance.spectrum()
    covariance.update(randn(1, 3))
    with pytest.raises(ValueError, match=r"Covariance has 1 sample; .*rank samples - 1.*images together"):
        covariance.distance()
    with pytest.raises(ValueError, match=r"samples has 2 of 3 rows with NaN or infinity"):
        covariance.update(torch.tensor([[0.0, 0, 0], [torch.nan, 0, 0], [0, torch.inf, 0]]))
    with pytest.raises(ValueError, match=r"4 channels after 1 samples with 3.*one layer of one model"):
        covariance.update(randn(2, 4))
    assert covariance.count == 1
    with pytest.raises(ValueError, match=r"features has 1 sample;"):
        singular_spectrum(randn(1, 3))

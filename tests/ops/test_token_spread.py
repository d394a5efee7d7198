"""Distances within and between images against loops over pairs."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from ops.singular_spectrum import Covariance
from ops.token_spread import token_spread


def rms(values):
    values = list(values)
    return math.sqrt(sum(v * v for v in values) / len(values))


def test_are_the_distances_of_pairs():
    tokens = torch.randn(4, 5, 3, dtype=torch.float64)
    spread = token_spread(tokens)
    centres = [[sum(channel) / 5 for channel in image.T.tolist()] for image in tokens]
    for a in range(4):
        within = rms(math.dist(x, y) for x, y in itertools.combinations(tokens[a].tolist(), 2))
        between = rms(math.dist(centres[a], centres[b]) for b in range(4) if b != a)
        assert spread["within"][a].item() == pytest.approx(within, rel=1e-12)
        assert spread["between"][a].item() == pytest.approx(between, rel=1e-12)


def test_moving_whole_images_changes_between_only():
    tokens = torch.randn(3, 6, 4, dtype=torch.float64)
    moved = tokens + 10 * torch.randn(3, 1, 4, dtype=torch.float64)
    assert_close(token_spread(moved)["within"], token_spread(tokens)["within"], rtol=1e-12, atol=1e-12)
    assert (token_spread(moved)["between"] > token_spread(tokens)["between"]).all()


def test_covariance_gives_the_same_over_batches():
    tokens = torch.randn(7, 6, 4, dtype=torch.float64)
    covariance = Covariance()
    for batch in tokens.split(3):
        covariance.update(batch.mean(1))
    between = token_spread(tokens)["between"]
    assert_close(covariance.distance(), between.square().mean().sqrt(), rtol=1e-12, atol=1e-12)


def test_says_that_it_wants_all_images_at_once():
    assert token_spread.across_images is True
    tokens = torch.randn(4, 6, 4)
    whole, half = token_spread(tokens), token_spread(tokens[:2])
    assert_close(half["within"], whole["within"][:2], rtol=0, atol=0)
    assert not torch.allclose(half["between"], whole["between"][:2])


def test_float32_far_from_the_origin():
    tokens = torch.randn(3, 6, 4, dtype=torch.float64).float() + 1000
    expected = token_spread(tokens.double())
    for name, values in token_spread(tokens).items():
        assert_close(values.double(), expected[name], rtol=1e-3, atol=0)  # float32 is 6e-5 coarse at 1000


def test_limits():
    equal = torch.ones(2, 3, 4)
    assert token_spread(equal)["within"].tolist() == [0, 0]
    assert token_spread(equal)["between"].tolist() == [0, 0]
    assert token_spread(torch.randn(1, 3, 4))["between"].isnan().all()
    with pytest.raises(ValueError, match=r"tokens has 1 token in shape \(2, 1, 4\)"):
        token_spread(torch.zeros(2, 1, 4))

"""Nearest tokens against scikit-learn."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.testing import assert_close

from ops.nearest_image import nearest_image
from tests.ops._random import randn


def test_nearest_are_those_of_sklearn():
    tokens = randn(4, 9, 3)
    points = tokens.reshape(-1, 3).numpy()
    found = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points, return_distance=False)[:, 1]
    assert_close(nearest_image(tokens).flatten(), torch.from_numpy(found // 9), rtol=0, atol=0)


def test_among_other_images():
    tokens = randn(4, 9, 3)
    nearest = nearest_image(tokens, others=True)
    for number in range(4):
        rest = [other for other in range(4) if other != number]
        points = tokens[rest].reshape(-1, 3).numpy()
        _, found = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(tokens[number].numpy())
        assert nearest[number].tolist() == [rest[place // 9] for place in found[:, 0]]


def test_clusters_are_pure_and_noise_is_not():
    tokens = randn(5, 8, 4)
    apart = tokens + 100 * torch.arange(5)[:, None, None]
    assert nearest_image(apart).eq(torch.arange(5)[:, None]).all()
    noise = nearest_image(randn(40, 10, 50)).eq(torch.arange(40)[:, None]).double().mean()
    assert noise == pytest.approx(9 / 399, abs=0.02)


def test_small_distances_beside_large_tokens():
    tokens = torch.tensor([[[0.0], [0.5]], [[0.25], [4.0]]]) / 16 + 4096  # what a matrix product would round away
    assert nearest_image(tokens).tolist() == [[1, 1], [0, 0]]


def test_errors(unchecked):
    with pytest.raises(ValueError, match="tokens of 1 image with 5 tokens; expected other tokens to look among"):
        nearest_image(torch.ones(1, 5, 3), others=True)
    with pytest.raises(ValueError, match=r"tokens has shape \(5, 3\); expected the axes \(image, token, channel\)"):
        nearest_image(torch.ones(5, 3))

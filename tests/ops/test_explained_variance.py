"""Explained variance against scikit-learn."""

import pytest
import torch
from sklearn.decomposition import PCA
from torch.testing import assert_close

from ops.explained_variance import explained_variance
from ops.projection import token_pca, token_transformation
from tests.ops._random import randn


def test_shares_are_those_of_sklearn():
    tokens = randn(3, 7, 5)
    expected = PCA(3, svd_solver="full").fit(tokens.reshape(-1, 5).numpy()).explained_variance_ratio_
    assert_close(
        explained_variance(tokens, projected=token_pca(tokens)), torch.from_numpy(expected), rtol=1e-12, atol=1e-12
    )
    assert explained_variance(tokens, projected=token_pca(tokens, components=5)).sum() == pytest.approx(1, abs=1e-12)


def test_background_is_left_out():
    tokens = randn(2, 10, 4)
    tokens[:, :4] += torch.tensor([50.0, 0, 0, 0])
    shown = token_pca(tokens, components=2, foreground=lambda first: first > 0.5)
    kept = tokens[:, :4]
    expected = explained_variance(kept, projected=token_pca(kept, components=2))
    assert_close(explained_variance(tokens, projected=shown), expected, rtol=1e-9, atol=1e-9)


def test_of_the_tokens_that_were_fitted():
    before, after = randn(2, 6, 5), 3 * randn(2, 6, 5, seed=1)
    shown, _ = token_transformation(before, after, basis="before")
    assert_close(explained_variance(before, projected=shown), explained_variance(before, projected=token_pca(before)))


def test_edges():
    assert explained_variance(torch.ones(4, 3), projected=torch.zeros(4, 2)).isnan().all()
    assert explained_variance(randn(4, 3).half(), projected=randn(4, 2).half()).dtype == torch.float64
    with pytest.raises(ValueError, match=r"tokens has shape \(4, 3\), projected \(5, 2\); expected the same tokens"):
        explained_variance.__wrapped__.__wrapped__(torch.ones(4, 3), projected=torch.zeros(5, 2))

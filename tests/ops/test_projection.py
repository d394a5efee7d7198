"""t-SNE, PCA and token transformation against scikit-learn, and the same picture each time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch.testing import assert_close

from ops.projection import token_pca, token_transformation, token_tsne
from tests.ops._random import randn

FLOAT64 = {"rtol": 1e-9, "atol": 1e-9}


def pca_by_sklearn(points, components):
    """Signs made ours: the largest loading of each axis is positive."""
    pca = PCA(components, svd_solver="full").fit(points.numpy())
    largest = pca.components_[np.arange(components), np.abs(pca.components_).argmax(1)]
    return torch.from_numpy(pca.transform(points.numpy()) * np.sign(largest))


def test_joint_pca_is_that_of_all_tokens():
    tokens = randn(3, 7, 5)
    expected = pca_by_sklearn(tokens.reshape(-1, 5), 3).reshape(3, 7, 3)
    assert_close(token_pca(tokens), expected, **FLOAT64)


def test_image_pca_is_that_of_each_image():
    tokens = randn(3, 7, 5)
    expected = torch.stack([pca_by_sklearn(image, 2) for image in tokens])
    assert_close(token_pca(tokens, components=2, fit="image"), expected, **FLOAT64)
    assert_close(token_pca(tokens[1], components=2), expected[1], **FLOAT64)


def test_unit_scaling_runs_from_zero_to_one_over_what_was_fitted():
    tokens = randn(3, 7, 5)
    joint = token_pca(tokens, scaling="unit").reshape(-1, 3)
    assert_close((joint.amin(0), joint.amax(0)), (torch.zeros(3).double(), torch.ones(3).double()), **FLOAT64)
    image = token_pca(tokens, scaling="unit", fit="image")
    assert_close((image.amin(1), image.amax(1)), (torch.zeros(3, 3).double(), torch.ones(3, 3).double()), **FLOAT64)
    assert token_pca(torch.ones(4, 5), scaling="unit").tolist() == [[0, 0, 0]] * 4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_sign_depends_on_the_tokens_alone(seed):
    tokens = randn(12, 5, seed=seed)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    assert_close(token_pca(tokens[order] + 9), token_pca(tokens)[order], rtol=1e-7, atol=1e-7)
    assert_close(token_pca(tokens.float()).double(), token_pca(tokens), rtol=1e-3, atol=1e-3)


def test_foreground_is_fitted_alone():
    tokens = randn(2, 10, 4)
    tokens[:, :4] += torch.tensor([50.0, 0, 0, 0])
    shown = token_pca(tokens, components=2, foreground=lambda first: first > 0.5)
    assert shown[:, 4:].isnan().all()
    expected = token_pca(tokens[:, :4], components=2)
    assert_close(shown[:, :4], expected, **FLOAT64)
    unit = token_pca(tokens, components=2, foreground=lambda first: first > 0.5, scaling="unit")
    assert unit[:, 4:].isnan().all()
    assert unit[:, :4].amin() == 0
    assert unit[:, :4].amax() == 1


def test_transformation_projects_both_on_axes_of_the_union():
    before, after = randn(2, 6, 5), randn(2, 6, 5, seed=1) + 2
    expected = pca_by_sklearn(torch.cat([before, after]).reshape(-1, 5), 3).reshape(2, 2, 6, 3)
    assert_close(torch.stack(token_transformation(before, after)), expected, **FLOAT64)
    same = token_transformation(before, before, components=2)
    assert_close(same[0], same[1], rtol=0, atol=0)


@pytest.mark.parametrize("basis", ["before", "after"])
def test_transformation_on_axes_of_one_set(basis):
    before, after = randn(2, 6, 5), randn(2, 6, 5, seed=1) + 2
    fitted = before if basis == "before" else after
    pca = PCA(3, svd_solver="full").fit(fitted.reshape(-1, 5).numpy())
    signs = np.sign(pca.components_[np.arange(3), np.abs(pca.components_).argmax(1)])
    for tokens, shown in zip((before, after), token_transformation(before, after, basis=basis)):
        expected = torch.from_numpy(pca.transform(tokens.reshape(-1, 5).numpy()) * signs).reshape(2, 6, 3)
        assert_close(shown, expected, **FLOAT64)


def test_transformation_shows_a_shift_as_a_shift():
    before = randn(1, 6, 4)
    shift = torch.tensor([0.0, 30.0, 0.0, 0.0], dtype=torch.float64)
    start, end = token_transformation(before, before + shift, components=4)
    moved = end - start
    assert_close(moved, moved[:, :1].expand_as(moved), **FLOAT64)
    assert_close(moved.norm(dim=-1), torch.full((1, 6), 30.0).double(), **FLOAT64)


def test_tsne_has_the_settings_of_the_notebook():
    tokens = randn(2, 15, 4).float()
    expected = TSNE(perplexity=20, init="random", learning_rate="auto", max_iter=1000, random_state=3)
    expected = torch.from_numpy(expected.fit_transform(tokens.reshape(-1, 4).numpy())).reshape(2, 15, 2)
    assert_close(token_tsne(tokens, seed=3), expected, rtol=0, atol=0)


def test_tsne_depends_on_its_seed_alone():
    tokens = randn(12, 4)
    first = token_tsne(tokens, perplexity=3.0, max_iter=250)
    assert first.dtype == torch.float32
    assert_close(token_tsne(tokens.float(), perplexity=3.0, max_iter=250), first, rtol=0, atol=0)
    assert not torch.equal(token_tsne(tokens, perplexity=3.0, max_iter=250, seed=1), first)
    assert token_tsne(tokens.bfloat16(), perplexity=3.0, max_iter=250).isfinite().all()


def test_errors():
    tokens = randn(2, 6, 4)
    with pytest.raises(ValueError, match=r"perplexity=20\.0 with 12 tokens.*below the number of tokens"):
        token_tsne(tokens)
    with pytest.raises(ValueError, match=r"max_iter=100; .*at least 250"):
        token_tsne(tokens, perplexity=3.0, max_iter=100)
    with pytest.raises(ValueError, match=r"components=5 of 12 tokens with 4 channels; expected 1 to 4"):
        token_pca(tokens, components=5)
    with pytest.raises(ValueError, match=r"fit='each'; expected one of 'joint', 'image'"):
        token_pca.__wrapped__.__wrapped__(tokens, fit="each")  # past the run-time type check
    with pytest.raises(ValueError, match=r"basis='both'; expected one of 'joint', 'before', 'after'"):
        token_transformation.__wrapped__.__wrapped__(tokens, tokens, basis="both")
    with pytest.raises(ValueError, match=r"foreground keeps 0 of 12 tokens.*turn the comparison round"):
        token_pca(tokens, foreground=lambda first: first > 2)
    with pytest.raises(ValueError, match=r"foreground returned torch.float64.*a comparison such as"):
        token_pca(tokens, foreground=lambda first: first)
    tokens[1, 2, 3] = torch.nan
    with pytest.raises(ValueError, match=r"tokens has 1 of 12 tokens with NaN or infinity"):
        token_pca(tokens)
    with pytest.raises(ValueError, match=r"tokens has 1 of 24 tokens with NaN"):
        token_transformation(tokens, tokens.nan_to_num())

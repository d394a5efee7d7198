"""Axes that do not fit are named with what was expected, whatever torch would have said."""

import pytest
import torch

import ops

pytestmark = pytest.mark.usefixtures("unchecked")
LABELS = torch.tensor([0, 1, 2, 3])


@pytest.mark.parametrize("shape", [(3,), (2, 4, 3)])
def test_covariance_takes_rows(shape):
    covariance = ops.Covariance()
    with pytest.raises(
        ValueError, match=r"samples has shape .*expected the axes \(sample, channel\); one row for each"
    ):
        covariance.update(torch.zeros(shape))
    assert covariance.count == 0


@pytest.mark.parametrize("other", [(2, 5, 4), (2, 6, 3), (1, 6, 4), (6, 4)])
@pytest.mark.parametrize(
    ("function", "second"),
    [(ops.depth_similarity, "after"), (ops.attention_magnitudes, "branch"), (ops.token_transformation, "after")],
)
def test_both_have_one_shape(function, second, other):
    match = rf"before has shape \(2, 6, 4\), {second} \({', '.join(map(str, other))}\); expected the same tokens"
    with pytest.raises(ValueError, match=match):
        function(torch.ones(2, 6, 4), torch.ones(other))


def test_heads_have_an_axis():
    with pytest.raises(ValueError, match=r"head_outputs has shape \(6, 4\); expected .*\*batch, head, token, channel"):
        ops.head_similarity(torch.ones(6, 4))


@pytest.mark.parametrize("function", [ops.token_similarity, ops.featuremap_variance, ops.token_spread])
def test_one_vector_is_no_image(function):
    with pytest.raises(ValueError, match=r"tokens has shape \(4,\); expected .*\*batch, token, channel"):
        function(torch.ones(4))


def test_one_vector_has_no_spectrum():
    with pytest.raises(ValueError, match=r"features has shape \(4,\); expected .*\*batch, sample, channel"):
        ops.singular_spectrum(torch.ones(4))


@pytest.mark.parametrize(
    ("features", "bank", "labels", "match"),
    [
        (torch.ones(2, 5), torch.ones(4, 3), LABELS, "features has 5 channels, bank 3; expected both from the same"),
        (torch.ones(2, 3), torch.ones(4, 3), LABELS.float(), r"labels has dtype torch.float32; .*\.long\(\)"),
        (torch.ones(2, 3), torch.ones(4, 3), torch.eye(4).long(), r"labels has shape \(4, 4\).*not one-hot rows"),
        (torch.ones(3), torch.ones(4, 3), LABELS, r"features has shape \(3,\); expected the axes \(image, channel\)"),
        (torch.ones(2, 3), torch.ones(4, 2, 3), LABELS, r"bank has shape \(4, 2, 3\).*\(sample, channel\)"),
    ],
)
def test_nearest_neighbours(features, bank, labels, match):
    with pytest.raises(ValueError, match=match):
        ops.knn_predict(features, bank, labels, k=1)


def test_noise_is_for_what_the_model_is_fed():
    with pytest.raises(ValueError, match=r"images has dtype torch.uint8; .*apply the model's transform first"):
        ops.frequency_noise(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), frequency=0.5, epsilon=0.1)

"""Nearest neighbours against a loop and against scikit-learn; ties, chunks and bad input."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch.testing import assert_close

from ops.knn import knn_predict
from tests.ops._random import randn


def labels_of(count, classes=4):
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(9))


def by_hand(features, bank, labels, k, temperature, weighting):
    predicted = []
    for feature in features.tolist():
        cosines = []
        for sample in bank.tolist():
            lengths = math.hypot(*feature) * math.hypot(*sample)
            dot = sum(a * b for a, b in zip(feature, sample, strict=True))
            cosines.append(dot / lengths if lengths else 0.0)
        nearest = sorted(range(len(bank)), key=lambda n: (-cosines[n], n))[:k]
        votes = [0.0] * (int(labels.max()) + 1)
        for n in nearest:
            votes[labels[n]] += math.exp(cosines[n] / temperature) if weighting == "softmax" else 1
        predicted.append(max(range(len(votes)), key=lambda c: (votes[c], -c)))
    return torch.tensor(predicted)


@pytest.mark.parametrize("weighting", ["softmax", "uniform"])
@pytest.mark.parametrize("k", [1, 5, 23])
@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_is_the_vote_of_the_nearest(weighting, k, chunk):
    features, bank, labels = randn(11, 3), randn(23, 3, seed=1), labels_of(23)
    features[0] = 0
    expected = by_hand(features, bank, labels, k, 0.5, weighting)
    result = knn_predict(features, bank, labels, k=k, temperature=0.5, weighting=weighting, chunk=chunk)
    assert_close(result, expected)


def softmax_weights(distances):
    return np.exp((1 - distances) / 0.07)


def test_agrees_with_sklearn():
    features, bank, labels = randn(40, 6), randn(300, 6, seed=1), labels_of(300)
    classifier = KNeighborsClassifier(20, weights=softmax_weights, metric="cosine", algorithm="brute")
    expected = torch.from_numpy(classifier.fit(bank.numpy(), labels.numpy()).predict(features.numpy()))
    assert_close(knn_predict(features, bank, labels), expected)
    assert_close(knn_predict(features.float(), bank.float(), labels.int()), expected)


@pytest.mark.parametrize("chunk", [2, 3, 100])
def test_equal_cosines_go_to_the_first_and_equal_votes_to_the_smaller_class(chunk):
    bank = torch.ones(8, 2)
    labels = torch.tensor([3, 3, 1, 1, 0, 0, 0, 0])
    one = torch.ones(1, 2)
    assert knn_predict(one, bank, labels, k=1, chunk=chunk).item() == 3
    assert knn_predict(one, bank, labels, k=3, chunk=chunk).item() == 3
    assert knn_predict(one, bank, labels, k=4, chunk=chunk).item() == 1


def test_temperature_near_zero_is_the_nearest_alone():
    features, bank, labels = randn(9, 3), randn(20, 3, seed=1), labels_of(20)
    near = knn_predict(features, bank, labels, k=10, temperature=1e-6)
    assert_close(near, knn_predict(features, bank, labels, k=1))


def test_half_precision_and_scale():
    features, bank, labels = randn(9, 3).half(), randn(20, 3, seed=1).half(), labels_of(20)
    expected = knn_predict(features.float(), bank.float(), labels, k=3)
    assert_close(knn_predict(features, bank, labels, k=3), expected)
    assert_close(knn_predict(100 * features.float(), 0.01 * bank.float(), labels, k=3), expected)


def test_no_image_gives_no_class():
    assert knn_predict(torch.zeros(0, 3), torch.ones(2, 3), torch.tensor([0, 1]), k=1).shape == (0,)


def test_errors():
    x, bank, labels = torch.ones(2, 3), torch.ones(4, 3), torch.tensor([0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"k=20 with 4 samples in bank; expected 1 to 4"):
        knn_predict(x, bank, labels)
    with pytest.raises(ValueError, match=r"labels has 3 entries for 4 samples"):
        knn_predict.__wrapped__.__wrapped__(x, bank, labels[:3], k=1)
    with pytest.raises(ValueError, match=r"labels run from 1 to 4 with classes=4.*1 taken off"):
        knn_predict(x, bank, labels + 1, k=1, classes=4)
    with pytest.raises(ValueError, match=r"labels run from -1"):
        knn_predict(x, bank, labels - 1, k=1)
    with pytest.raises(ValueError, match=r"temperature=0\.0, .*numbers above 0"):
        knn_predict(x, bank, labels, k=1, temperature=0.0)
    with pytest.raises(ValueError, match=r"features has 1 of 2 rows with NaN"):
        knn_predict(torch.tensor([[1.0, 0, 0], [torch.nan, 0, 0]]), bank, labels, k=1)

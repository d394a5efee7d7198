"""Confusion counts, intersection over union and its interval, against loops and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from models import TokenLayout
from ops import expanded_tail
from probing.dense.evaluation import (
    class_iou,
    confusion,
    confusion_interval,
    mean_iou,
    pixel_accuracy,
    predicted_classes,
)


@pytest.fixture
def masks():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 4, (5, 6, 7), generator=generator).to(torch.uint8)
    guess = torch.randint(0, 5, (5, 6, 7), generator=generator).to(torch.uint8)
    truth[1, 2:4] = 255
    predicted = torch.where(torch.rand(truth.shape, generator=generator) < 0.4, truth.clamp(max=4), guess)
    return truth, predicted


def test_against_scikit_learn(masks):
    truth, predicted = masks
    counts = confusion(truth, predicted, 5)
    for image, found in enumerate(counts):
        seen = truth[image] != 255
        expected = confusion_matrix(truth[image][seen], predicted[image][seen], labels=range(5))
        np.testing.assert_array_equal(found, expected)
    seen = truth != 255
    y, z, whole = truth[seen], predicted[seen], counts.sum(0)
    scores = jaccard_score(y, z, labels=range(4), average=None)
    torch.testing.assert_close(class_iou(whole)[:4], torch.from_numpy(scores), rtol=0, atol=1e-12)
    assert class_iou(whole)[4].isnan()  # predicted, but without a true pixel
    assert mean_iou(whole).item() == pytest.approx(jaccard_score(y, z, labels=range(4), average="macro"), abs=1e-12)
    assert pixel_accuracy(whole).item() == pytest.approx(accuracy_score(y, z), abs=1e-12)


def test_closed_cases():
    truth = torch.tensor([[[0, 0, 1, 1]]], dtype=torch.uint8)
    scores = [mean_iou(confusion(truth, guess, 3)[0]).item() for guess in (truth, 1 - truth, torch.zeros_like(truth))]
    assert scores == [1, 0, 0.25]  # a half and none
    lost = torch.tensor([[[0, 2, 1, 1]]], dtype=torch.uint8)
    counts = confusion(truth, lost, 3)[0]
    assert mean_iou(counts).item() == 0.75 and pixel_accuracy(counts).item() == 0.75
    nothing = confusion(torch.full_like(truth, 255), truth, 3)[0]
    assert mean_iou(nothing).isnan() and pixel_accuracy(nothing).isnan()


@pytest.mark.parametrize("score", [mean_iou, pixel_accuracy])
def test_interval_against_a_loop(masks, score):
    counts = confusion(*masks, 5)
    generator, scores = torch.Generator().manual_seed(3), []
    for _ in range(50):
        drawn = torch.randint(5, (5,), generator=generator)
        scores.append(score(sum(counts[image] for image in drawn.tolist())).item())
    tail = expanded_tail(5, level=0.9)
    expected = np.quantile(scores, [tail, 1 - tail])
    found = confusion_interval(counts, score, level=0.9, resamples=50, seed=3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert found[0] < score(counts.sum(0)).item() < found[1]


def test_one_image_has_no_interval(masks):
    assert np.isnan(confusion_interval(confusion(*masks, 5)[:1], mean_iou)).all()


def test_logits_are_interpolated_between_centres():
    layout = TokenLayout(1, 0, (1, 2), (2, 4))
    logits = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    # the centres lie at 2 and 6; class 1 leads from 2 + 4 / 4 = 3 on, so from the pixel 3 to 4 on
    assert predicted_classes(logits, layout).tolist() == [[[0, 0, 0, 1, 1, 1, 1, 1]] * 2][0:1]

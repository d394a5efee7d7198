"""Supervised training."""

import math

import pytest
import torch

from pretraining.objectives import build_objective
from tests.pretraining.objectives.recipes import small_recipe


def test_loss_and_accuracy_by_hand():
    objective = build_objective(small_recipe("supervised", "SUPERVISED.LABEL_SMOOTHING", 0.3), classes=3)
    torch.nn.init.zeros_(objective.encoder.head.weight)
    objective.encoder.head.bias.data = torch.tensor([0.0, math.log(2), 0.0])
    label = torch.tensor([1, 1, 1, 2])
    parts = objective({"image": torch.randn(4, 3, 16, 16), "label": label})
    shares = torch.tensor([0.25, 0.5, 0.25])
    wanted = [-(0.7 * shares[c].log() + 0.1 * shares.log().sum()) for c in label.tolist()]
    torch.testing.assert_close(parts["loss"], torch.stack(wanted).mean())
    assert parts["accuracy"] == 0.75
    assert not parts["accuracy"].requires_grad


def test_one_class_is_nothing_to_learn():
    with pytest.raises(ValueError, match=r"at least 2 classes, these are of 1"):
        build_objective(small_recipe("supervised"), classes=1)


def test_nothing_is_painted():
    assert build_objective(small_recipe("supervised"), classes=2).reconstruction({}) is None

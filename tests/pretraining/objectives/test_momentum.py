"""The moving average of the momentum encoder."""

import pytest
import torch
from torch import nn

from pretraining.objectives.momentum import Momentum, follow, frozen_copy


def test_average_follows_all_parameters_and_no_buffer():
    trained = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    trained[0].weight.requires_grad_(False)
    average = frozen_copy(trained)
    before = {name: value.clone() for name, value in average.state_dict().items()}
    for value in [*trained.parameters(), trained[1].running_mean]:
        value.data.add_(1.0)
    follow(average, trained, 0.75)
    for name, value in average.state_dict().items():
        moved = 0.25 if name in dict(average.named_parameters()) else 0.0
        torch.testing.assert_close(value.double(), before[name].double() + moved)
    assert not any(value.requires_grad for value in average.parameters())


def test_momentum_rises_along_half_a_cosine():
    momentum = Momentum(0.9, cosine=True)
    values = []
    for progress in (0.0, 0.5, 1.0):
        momentum.advance(progress)
        values.append(momentum.value)
    assert values == pytest.approx([0.9, 0.95, 1.0])
    constant = Momentum(0.9, cosine=False)
    constant.advance(0.5)
    assert constant.value == 0.9


def test_average_follows_once_for_each_step_of_the_optimiser():
    """Not once for each of the forward passes whose gradients are accumulated."""
    trained = nn.Linear(1, 1, bias=False)
    average = frozen_copy(trained)
    trained.weight.data.fill_(1.0)
    average.weight.data.fill_(0.0)
    momentum = Momentum(0.5, cosine=False)
    for _ in range(3):
        momentum.step((average, trained))
    assert average.weight.item() == 0.5
    momentum.advance(0.1)
    momentum.step((average, trained))
    assert average.weight.item() == 0.75

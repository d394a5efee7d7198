"""Inside all is still; afterwards all is as before."""

import pytest
import torch
from torch import nn

from pretraining.watching.untouched import untouched


def test_random_numbers_and_modes_are_put_back():
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)).train()
    network[0].eval()
    with torch.random.fork_rng():
        wanted = torch.rand(3)
    with untouched(network):
        torch.rand(5)
        before = network[1].running_mean.clone()
        assert not network(torch.rand(4, 3, requires_grad=True)).requires_grad
        assert not network[1].training
        assert network[1].running_mean.equal(before)
    assert torch.rand(3).equal(wanted)
    assert [module.training for module in network] == [False, True] and torch.is_grad_enabled()


def test_also_after_an_error():
    network = nn.Dropout().train()
    with pytest.raises(KeyError), untouched(network):
        raise KeyError
    assert network.training and torch.is_grad_enabled()

import pytest
import torch

from probing.low_shot import low_shot

LABELS = torch.tensor([0, 1, 1, 0, 1, 2, 2])


def test_so_many_of_each_class():
    chosen = low_shot(LABELS, 2, seed=1)
    assert LABELS[chosen].bincount().tolist() == [2, 2, 2]
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert torch.equal(chosen, low_shot(LABELS, 2, seed=1))
    drawn = {tuple(low_shot(LABELS, 1, seed=seed).tolist()) for seed in range(20)}
    assert len(drawn) > 1


def test_all_without_a_number():
    assert low_shot(LABELS, None).tolist() == list(range(7))


def test_errors():
    with pytest.raises(ValueError, match="--shots 0: expected at least 1"):
        low_shot(LABELS, 0)
    with pytest.raises(ValueError, match="--shots 3: class 0 has only 2 training images"):
        low_shot(LABELS, 3)

"""Global generators inside and after the block."""

import random

import numpy as np
import pytest
import torch

from pretraining.seeded import seeded


def drawn():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_a_seed_decides_and_leaves_no_trace():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    expected = [drawn(), drawn()]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    outside = [drawn()]
    with seeded(5):
        first = drawn()
    with pytest.raises(KeyError), seeded(5):
        assert drawn() == first
        raise KeyError
    with seeded(6):
        assert not set(drawn()) & set(first)
    outside.append(drawn())
    assert outside == expected

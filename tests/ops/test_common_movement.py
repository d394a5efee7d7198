"""The share of movement that tokens make together: by loops, closed cases, invariances."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ops.common_movement import common_movement
from tests.ops._random import randn


def by_loops(before, after):
    shares = []
    for start, end in zip(before.tolist(), after.tolist()):
        moved = [[b - a for a, b in zip(one, other)] for one, other in zip(start, end)]
        mean = [sum(column) / len(moved) for column in zip(*moved)]
        squares = [sum(value**2 for value in row) for row in moved]
        shares.append(sum(value**2 for value in mean) / (sum(squares) / len(squares)))
    return torch.tensor(shares, dtype=torch.float64)


def test_formula():
    before, after = randn(3, 7, 5), randn(3, 7, 5, seed=1) + 0.5
    assert_close(common_movement(before, after), by_loops(before, after), rtol=1e-12, atol=1e-12)


def test_closed_cases():
    tokens = randn(2, 6, 4)
    assert_close(common_movement(tokens, tokens + 3), torch.ones(2).double(), rtol=1e-12, atol=1e-12)
    turned = torch.cat([tokens[:, :3] + 1, tokens[:, 3:] - 1], dim=1)
    assert_close(common_movement(tokens, turned), torch.zeros(2).double(), rtol=0, atol=1e-12)
    assert common_movement(tokens, tokens).isnan().all()


def test_independent_movements_share_one_of_the_number_of_tokens():
    before = torch.zeros(200, 16, 30)
    assert common_movement(before, randn(200, 16, 30).float()).mean() == pytest.approx(1 / 16, rel=0.03)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(0.01, 100))
def test_scale_place_and_order_do_not_matter(seed, scale):
    before, after = randn(2, 5, 3, seed=seed), randn(2, 5, 3, seed=seed + 1)
    other = common_movement(scale * before.flip(1) + 7, scale * after.flip(1) + 7)
    assert_close(other, common_movement(before, after), rtol=1e-8, atol=1e-8)


def test_half_precision_and_errors():
    before, after = randn(2, 5, 3).bfloat16(), randn(2, 5, 3, seed=1).bfloat16()
    assert_close(common_movement(before, after).double(), by_loops(before, after), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"before has shape \(5, 3\), after \(4, 3\); expected the same tokens"):
        common_movement.__wrapped__.__wrapped__(torch.ones(5, 3), torch.ones(4, 3))

"""The fixed table of positions."""

import math

import pytest
import torch

from models.sine_cosine import sine_cosine_positions


def test_by_loops_on_a_grid_that_is_not_square():
    table = sine_cosine_positions((2, 3), 8)
    for row in range(2):
        for column in range(3):
            wanted = []
            for place in (column, row):
                angles = [place, place / 100]
                wanted += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
            torch.testing.assert_close(table[row * 3 + column], torch.tensor(wanted))


def test_every_place_has_its_own_vector_of_one_length():
    table = sine_cosine_positions((5, 4), 12)
    torch.testing.assert_close(table.norm(dim=1), torch.full((20,), math.sqrt(6)))
    assert len(table.unique(dim=0)) == 20


@pytest.mark.parametrize("dim", [0, 6, -4])
def test_width_must_be_divisible_by_four(dim):
    with pytest.raises(ValueError, match=rf"dim={dim}: .*divisible by 4"):
        sine_cosine_positions((2, 2), dim)

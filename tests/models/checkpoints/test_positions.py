"""Position tables at other grids."""

import pytest
import torch

from models.checkpoints.positions import resized_positions, resized_relative_bias


@pytest.mark.parametrize("how", ["antialias", "bicubic", "scale_factor"])
def test_prefix_rows_stay_and_constants_stay_constant(how):
    table = torch.cat([torch.rand(1, 2, 5), torch.full((1, 12, 5), 3.0)], dim=1)
    new = resized_positions(table, old=(3, 4), new=(5, 2), prefix=2, how=how)
    assert new.shape == (1, 12, 5)
    torch.testing.assert_close(new[:, :2], table[:, :2])
    torch.testing.assert_close(new[:, 2:], torch.full((1, 10, 5), 3.0))


@pytest.mark.parametrize("how", ["antialias", "bicubic", "scale_factor"])
def test_rows_and_columns_are_not_swapped(how):
    rows = torch.arange(4.0).repeat_interleave(4).reshape(1, 16, 1)
    new = resized_positions(rows, old=(4, 4), new=(8, 3), prefix=0, how=how).reshape(8, 3)
    torch.testing.assert_close(new, new[:, :1].expand(8, 3))
    assert (new[1:, 0] > new[:-1, 0]).all()


def test_the_same_grid_changes_nothing():
    table = torch.rand(1, 17, 3)
    assert resized_positions(table, old=(4, 4), new=(4, 4), prefix=1, how="scale_factor") is table


def test_relative_bias_keeps_its_centre_its_prefix_rows_and_its_direction():
    rows, columns = torch.meshgrid(torch.arange(-3.0, 4), torch.arange(-3.0, 4), indexing="ij")
    patches = (2 * rows + 5 * columns).reshape(-1, 1)
    table = torch.cat([patches, torch.tensor([[7.0], [8.0], [9.0]])])
    for new in [(6, 7), (3, 2)]:
        changed = resized_relative_bias(table, old=(4, 4), new=new)
        grid = changed[:-3].reshape(2 * new[0] - 1, 2 * new[1] - 1)
        torch.testing.assert_close(changed[-3:], table[-3:])
        centre = grid[new[0] - 2 : new[0] + 1, new[1] - 2 : new[1] + 1]  # offsets -1, 0 and 1 keep their bias
        wanted = patches.reshape(7, 7)[2:5, 2:5]
        torch.testing.assert_close(centre, wanted, rtol=0, atol=0.03)  # timm's bisection of the ratio stops at 1.01
    with pytest.raises(ValueError, match="from a square grid, got 2 x 3"):
        resized_relative_bias(torch.rand(18, 1), old=(2, 3), new=(3, 3))

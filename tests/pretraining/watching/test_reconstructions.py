"""What is seen and what is painted, pixel by pixel."""

import pytest
import torch
from PIL import Image

from pretraining.watching.reconstructions import GREY, mosaic, picture_file, reconstructions

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


@pytest.fixture
def batch():
    unit = torch.rand(3, 3, 16, 16)
    mask = torch.zeros(3, 4, 4, dtype=torch.int64)
    mask[:, 1, 2] = 1
    image = (unit - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return {"image": image, "mask": mask, "noise": torch.rand(3, 16), "unit": unit}


def test_masked_patches_are_grey_and_then_painted(small_objective, batch):
    objective = small_objective("simmim")
    torch.nn.init.constant_(objective.decoder[0].weight, 0)
    torch.nn.init.constant_(objective.decoder[0].bias, 0)  # paints the mean colour
    original, seen, painted = reconstructions(objective, batch, MEAN, STD).float() / 255
    torch.testing.assert_close(original, batch["unit"].permute(0, 2, 3, 1), atol=0.5 / 255 + 1e-6, rtol=0)
    masked = (slice(None), slice(4, 8), slice(8, 12))
    assert (seen[masked] - GREY).abs().max() < 0.003
    assert (painted[masked] - torch.tensor(MEAN)).abs().max() < 0.003
    for row in (seen, painted):
        outside = row.clone()
        outside[masked] = original[masked]
        assert outside.equal(original)


def test_mae_hides_the_patches_that_it_removes(small_objective, batch):
    objective = small_objective("mae")
    del batch["mask"]
    original, seen, _ = reconstructions(objective, batch, MEAN, STD)
    whole = (seen == original).all(-1).unflatten(1, (4, 4)).unflatten(3, (4, 4)).all(4).all(2)
    shown = batch["noise"].argsort(1)[:, : objective.kept]
    assert whole.flatten(1).sum(1).eq(objective.kept).all()
    assert whole.flatten(1).gather(1, shown).all()


@pytest.mark.parametrize("method", ["mocov3", "supervised"])
def test_methods_that_paint_nothing(method, small_objective, batch):
    assert reconstructions(small_objective(method), batch, MEAN, STD) is None


def test_a_png_of_three_rows_without_a_trace_in_the_training(small_objective, batch, tmp_path):
    objective = small_objective("hybrid").train()
    random = torch.random.get_rng_state()
    path = picture_file(reconstructions(objective, batch, MEAN, STD), tmp_path / "x.png")
    width, height = Image.open(path).size
    assert width > height > 300
    assert all(module.training for module in objective.modules())
    assert torch.random.get_rng_state().equal(random)


def test_mosaic_keeps_rows_and_order():
    tiles = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 4, 4, 3).reshape(3, 2, 4, 4, 3)
    sheet = mosaic(tiles)
    assert sheet.shape == (16, 10, 3)
    assert sheet[::6, ::6, 0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert sheet[4].eq(255).all() and sheet[:, 4].eq(255).all()

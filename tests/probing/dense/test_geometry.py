"""Image and mask through the same geometry, and what patches hold of the classes."""

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import Compose, RandomHorizontalFlip

from models import TokenLayout
from probing.dense.geometry import class_counts, covered, mask_transform

TRANSFORMS = {
    "square": {"input_size": (3, 32, 32), "crop_pct": 1.0},
    "crop": {"input_size": (3, 32, 32), "crop_pct": 0.875},
    "oblong": {"input_size": (3, 32, 48), "crop_pct": 0.9},
    "squash": {"input_size": (3, 32, 32), "crop_pct": 0.8, "crop_mode": "squash"},
    "border": {"input_size": (3, 32, 32), "crop_pct": 0.8, "crop_mode": "border"},
}
MEAN = (0.5, 0.5, 0.5)  # what the crop of "border" adds has this colour


@pytest.mark.parametrize("size", [(96, 64), (50, 131), (33, 32), (20, 15)])
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_image_and_mask_coincide(kind, size):
    """Pixels hold their own coordinates: in the image by colour, in the mask by class."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    scale = 250 / max(size)
    image = np.stack([rows, columns, 0 * rows + 250 / scale], -1) * scale
    transform = create_transform(**TRANSFORMS[kind], mean=MEAN, std=(1, 1, 1), interpolation="bilinear")
    found = transform(Image.fromarray(image.round().astype(np.uint8))) + torch.tensor(MEAN)[:, None, None]
    moved = mask_transform(transform)
    masks = [moved((values * scale).round().astype(np.uint8)) for values in (rows, columns)]
    inside = masks[0] != 255
    assert masks[0].shape == found.shape[1:]
    if kind == "border":
        assert torch.equal(inside, found[2] > 0.8)  # what the crop adds is void
    else:
        assert inside.all()
    step = max(1, max(size) / 32 * 1.6) * scale  # nearest and bilinear differ by less than a pixel of the smaller image
    for mask, channel in zip(masks, found * 255, strict=False):
        assert (mask.float() - channel)[inside].abs().max() < step
        assert (mask.float() - channel)[inside].mean().abs() < step / 2


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_no_class_comes_from_between_two_others(kind):
    mask = (np.indices((50, 61)).sum(0) % 2 * 20).astype(np.uint8)
    found = mask_transform(create_transform(**TRANSFORMS[kind]))(mask)
    assert set(found.unique().tolist()) - {255} == {0, 20}


def test_a_step_of_which_no_mask_can_be_made():
    with pytest.raises(ValueError, match=r"prepared by RandomHorizontalFlip\(p=0.5\), of which no mask can be made"):
        mask_transform(Compose([RandomHorizontalFlip()]))


def test_counts_against_loops():
    layout, generator = TokenLayout(1, 2, (2, 3), (4, 5)), torch.Generator().manual_seed(0)
    masks = torch.randint(0, 4, (2, 8, 15), generator=generator).to(torch.uint8)
    masks[masks == 3] = 255
    found = class_counts(masks, layout, 3)
    for image, patch, number in np.ndindex(2, 6, 3):
        row, column = divmod(patch, 3)
        window = masks[image, row * 4 : row * 4 + 4, column * 5 : column * 5 + 5]
        assert found[image, patch, number] == (window == number).sum()


def test_masks_that_patches_do_not_divide():
    layout, mask = TokenLayout(1, 0, (2, 2), 4), torch.ones(10, 6, dtype=torch.uint8)
    whole = covered(mask, layout)
    assert whole.shape == (8, 8) and (whole[:, :6] == 1).all() and (whole[:, 6:] == 255).all()
    assert class_counts(mask, layout, 2).tolist() == [[0, 16], [0, 8], [0, 16], [0, 8]]

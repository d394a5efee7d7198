"""Batches: order, an unequal last one, labels, workers."""

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from study.batches import batches
from study.data import open_images


@pytest.fixture
def images(tmp_path):
    for shade in range(7):
        path = tmp_path / "ab"[shade % 2] / f"{shade}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 2), (shade, 0, 0)).save(path)
    return open_images(tmp_path)


@pytest.mark.parametrize("workers", [0, 2])
def test_order_and_labels_are_kept_for_any_split(images, workers):
    for size in (1, 3, 7, 9):
        loader = batches(images, pil_to_tensor, batch_size=size, workers=workers)
        for _ in range(2 if workers == 0 else 1):
            given = list(loader)
            assert [len(batch) for batch, _ in given] == [size] * (7 // size) + [7 % size] * (7 % size > 0)
            torch.testing.assert_close(
                torch.cat([batch[:, 0, 0, 0] for batch, _ in given]).tolist(), [0, 2, 4, 6, 1, 3, 5]
            )
            assert torch.cat([labels for _, labels in given]).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_without_labels(images, tmp_path):
    flat = open_images(tmp_path / "a")
    assert torch.cat([labels for _, labels in batches(flat, pil_to_tensor, batch_size=2)]).tolist() == [-1] * 4


def test_bad_sizes(images):
    with pytest.raises(ValueError, match="batch_size=0; expected at least 1"):
        batches(images, pil_to_tensor, batch_size=0)
    with pytest.raises(ValueError, match="workers=-1; expected 0"):
        batches(images, pil_to_tensor, batch_size=1, workers=-1)

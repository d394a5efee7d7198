"""Images are prepared as the authors of the weights prepared them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models import image_transform, load_model

NAMES = ["moco", "simmim", "mae", "dino", "beit"]


@pytest.mark.parametrize("name", NAMES)
def test_published_models_resize_to_256_and_crop_224(name):
    text = str(image_transform(load_model(name, pretrained=False)))
    assert "Resize(size=256" in text
    assert "CenterCrop(size=(224, 224))" in text
    assert ("bilinear" if name == "moco" else "bicubic") in text
    assert ("0.5000, 0.5000, 0.5000" if name == "beit" else "0.4850, 0.4560, 0.4060") in text


def test_a_grey_value_is_normalised_by_hand():
    model = load_model("mini-random")
    image = Image.fromarray(np.full((40, 50, 3), 51, dtype=np.uint8))
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.247, 0.243, 0.261])
    values = image_transform(model)(image)
    assert values.shape == (3, 32, 32)
    torch.testing.assert_close(values[:, 5, 5], (0.2 - mean) / std)


def test_images_that_are_not_square():
    transform = image_transform(load_model("mini-random", img_size=(16, 48)))
    assert transform(Image.new("RGB", (100, 60))).shape == (3, 16, 48)
    assert transform(Image.new("RGB", (60, 100))).shape == (3, 16, 48)


def test_a_model_that_does_not_say_is_refused():
    with pytest.raises(ValueError, match="Linear does not say how its images were prepared"):
        image_transform(nn.Linear(2, 2))

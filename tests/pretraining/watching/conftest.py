"""Images of two colours and a network that is made in milliseconds."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from pretraining.objectives import build_objective
from pretraining.recipe import load_recipe

SMALL = [
    *("ENCODER.EMBED_DIM", 16, "ENCODER.DEPTH", 2, "ENCODER.NUM_HEADS", 2, "ENCODER.IMG_SIZE", 16),
    *("MOCOV3.DIM", 8, "MOCOV3.HIDDEN", 16, "MAE.DECODER_DIM", 16, "MAE.DECODER_DEPTH", 1, "MAE.DECODER_HEADS", 2),
    *("WATCH.IMAGES", 5, "WATCH.KNN_BANK", 20, "WATCH.KNN_QUERIES", 10, "TRAIN.BATCH", 4, "DATA.WORKERS", 0),
]


@dataclasses.dataclass
class Pictures:
    """What diagnostics ask of a collection."""

    pictures: list
    labels: list | None
    classes: tuple

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.pictures[index]


@pytest.fixture
def pictures():
    """`pictures(count, classes)`: noisy red or blue images of 20 x 16 pixels in turn."""

    def made(count=60, classes=("red", "blue")):
        random = np.random.default_rng(0)
        noise = random.integers(0, 60, (count, 16, 20, 3), dtype=np.uint8)
        colours = np.array([[190, 0, 0], [0, 0, 190]], dtype=np.uint8)
        images = [Image.fromarray(image + colours[number % 2]) for number, image in enumerate(noise)]
        return Pictures(images, [number % 2 for number in range(count)], classes)

    return made


@pytest.fixture
def small_recipe():
    """`small_recipe(method, *opts)`: the miniature recipe of a method, made smaller still."""

    def made(method="simmim", *opts):
        return load_recipe(f"mini_{method}", [str(item) for item in (*SMALL, *opts)])

    return made


@pytest.fixture
def small_objective(small_recipe):
    """`small_objective(method)`: untrained."""

    def made(method):
        torch.manual_seed(0)
        return build_objective(small_recipe(method), classes=2)

    return made

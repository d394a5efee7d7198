"""A folder of small images and recipes that ask for nothing but data."""

import numpy as np
import pytest
from PIL import Image
from yacs.config import CfgNode

from pretraining.data import open_collection


def written(folder, name, size=(12, 8), seed=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Two classes of 11 and 10 images of 12 x 8 pixels."""
    root = tmp_path_factory.mktemp("images")
    for number in range(21):
        written(root, f"{'ab'[number % 2]}/{number:02d}.png", seed=number)
    return root


@pytest.fixture(scope="session")
def collection(folder):
    return open_collection(folder)


@pytest.fixture
def recipe():
    """Function from a method and changes to a recipe of 8 pixels with patches of 2."""

    def made(method, *changes):
        node = CfgNode(
            {
                "METHOD": method,
                "SEED": 3,
                "ENCODER": {"IMG_SIZE": 8, "PATCH_SIZE": 2},
                "HYBRID": {"LAMBDA": 0.2},
                "SIMMIM": {"MASK_PATCH": 4, "RATIO": 0.6},
                "DATA": {"WORKERS": 0, "MEAN": [0.4, 0.5, 0.6], "STD": [0.2, 0.25, 0.3]},
                "VIEWS": {
                    "MIM": {"SCALE": [0.67, 1.0], "FLIP": 0.5},
                    "CONTRASTIVE": {
                        "SCALE": [0.2, 1.0],
                        "FLIP": 0.5,
                        "JITTER": [0.4, 0.4, 0.2, 0.1],
                        "JITTER_P": 0.8,
                        "GREY": 0.2,
                        "BLUR": [1.0, 0.1],
                        "SOLARISE": [0.0, 0.2],
                    },
                    "SUPERVISED": {"SCALE": [0.2, 1.0], "FLIP": 0.5, "JITTER": [0.4, 0.4, 0.4, 0.0]},
                    "FINETUNE": {"SCALE": [0.2, 1.0], "FLIP": 0.5, "AUGMENT": "rand-m9-mstd0.5-inc1", "ERASING": 0.5},
                },
                "SCHEDULE": {"EPOCHS": 3},
                "TRAIN": {"BATCH": 8, "ACCUMULATE": 1},
            }
        )
        node.merge_from_list(list(changes))
        return node

    return made

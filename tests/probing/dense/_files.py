"""Pairs of image and mask as files."""

import numpy as np
from PIL import Image


def write_pairs(folder, *, count=4, classes=3, size=(40, 36), suffix=".png", seed=0):
    """`images` and `masks` of random blocks of classes, with some void pixels; size is (width, height)."""
    generator = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        blocks = generator.integers(0, classes, (4, 4)).repeat(10, 0).repeat(10, 1)[: size[1], : size[0]]
        blocks[0, 0], blocks[0, 1:3] = classes - 1, 255  # the highest class is always there
        pixels = blocks[..., None] * 70 % 256 + generator.integers(0, 40, (size[1], size[0], 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number}{suffix}")
        Image.fromarray(blocks.astype(np.uint8)).save(folder / "masks" / f"{number}.png")
    return folder

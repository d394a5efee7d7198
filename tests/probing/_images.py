"""Small labelled pictures in folders: the class decides the colour, so that probes have something to find."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 70), "red": (200, 50, 40)}
SIDE = 32


def folders(root: Path, *, train: int = 12, test: int = 6, classes=("blue", "green", "red"), noise: int = 60) -> Path:
    """`train` and `test` with so many pictures of each class."""
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.array(COLOURS[name]) + generator.integers(-noise, noise + 1, (SIDE, SIDE, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02d}.png")
    return root

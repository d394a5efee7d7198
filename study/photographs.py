"""Photographs that are on every machine that has scikit-learn and scikit-image: nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .archive import File, Source

PACKAGES = {"sklearn": ("scikit-learn", "datasets/images"), "skimage": ("scikit-image", "data")}
PHOTOGRAPHS = {
    "astronaut.png": "skimage",
    "brick.png": "skimage",
    "camera.png": "skimage",
    "chelsea.png": "skimage",
    "china.jpg": "sklearn",
    "clock_motion.png": "skimage",
    "coffee.png": "skimage",
    "coins.png": "skimage",
    "flower.jpg": "sklearn",
    "grass.png": "skimage",
    "gravel.png": "skimage",
    "hubble_deep_field.jpg": "skimage",
    "ihc.png": "skimage",
    "moon.png": "skimage",
    "motorcycle_left.png": "skimage",
    "retina.jpg": "skimage",
    "rocket.jpg": "skimage",
}
"""File names by package: all photographs that its wheel holds (of stereo pairs one), no drawings and no scans."""


def sample_files() -> list[Source]:
    """The photographs, sorted by name.

    Raises:
        OSError: a package is not installed.
    """
    return [File(name, _folder(package) / name) for name, package in sorted(PHOTOGRAPHS.items())]


def _folder(package: str) -> Path:
    """Folder of a package's photographs, found without importing it."""
    found = importlib.util.find_spec(package)
    distribution, inside = PACKAGES[package]
    if found is None or not found.submodule_search_locations:
        raise OSError(f"the sample photographs come with {distribution}: pip install {distribution}")
    return Path(found.submodule_search_locations[0]) / inside

"""Photographs as arrays that matplotlib shows, and how they lie in a panel."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ._arrays import Values, array
from ._panel import bare

LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as PIL's mode "L"


def image_array(image: Values, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """A normalised image back as a photograph, (height width 3) in 0 ... 1.

        photograph = image * std + mean, clipped

    Args:
        image: (3 height width), as the model receives it; one image, not a batch.
        mean, std: of the three channels, those of the transform that normalised it.
    Raises:
        ValueError: the image is not (3 height width), or mean and std have not three values.
    """
    pixels = array("image", image, "3 height width").astype(float)
    scale = np.asarray(std, dtype=float), np.asarray(mean, dtype=float)
    if len(pixels) != 3 or any(values.shape != (3,) for values in scale):
        raise ValueError(
            f"image has shape {pixels.shape}, mean has {scale[1].size} and std {scale[0].size} values; expected "
            f"(3, height, width) and three values each. Pass one image of the batch, as the model receives it"
        )
    return np.clip(np.moveaxis(pixels, 0, -1) * scale[0] + scale[1], 0, 1)


def photograph(image: Values) -> np.ndarray:
    """The image as (height width 3) in 0 ... 1, for matplotlib.

    Args:
        image: (height width 3) or (3 height width), uint8 or floating point in 0 ... 1.
    Raises:
        ValueError: another shape, or values outside 0 ... 1, as normalised images have.
    """
    pixels = array("image", image, "height width 3")
    if pixels.shape[-1] != 3 and pixels.shape[0] == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.shape[-1] != 3:
        raise ValueError(f"image has shape {pixels.shape}; expected (height, width, 3) or (3, height, width)")
    if pixels.dtype == np.uint8:
        return pixels / 255
    if not (np.nanmin(pixels) >= 0 and np.nanmax(pixels) <= 1):
        raise ValueError(
            f"image has values from {pixels.min():.3g} to {pixels.max():.3g}; expected uint8 or 0 ... 1. A normalised "
            f"image comes back with image_array(image, mean, std)"
        )
    return pixels


def grey(pixels: np.ndarray) -> np.ndarray:
    """Luminance of a photograph, (height width) in 0 ... 1."""
    return pixels @ LUMINANCE


def show_photograph(pixels: np.ndarray, *, ax: Axes) -> None:
    """Shows pixels in coordinates of the image: the top left corner is (0, 0), the other one (width, height)."""
    height, width = pixels.shape[:2]
    shown = {"cmap": "gray", "vmin": 0, "vmax": 1} if pixels.ndim == 2 else {}
    ax.imshow(pixels, extent=(0, width, height, 0), **shown)
    bare(ax)

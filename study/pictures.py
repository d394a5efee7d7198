"""Image files of every kind as 8-bit RGB, each by a stated rule."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
WHITE = (255, 255, 255)
SIXTEEN_BIT = 65535


class UnreadablePicture(ValueError):
    """A file that is no picture, or only a part of one; the text says why."""


@contextlib.contextmanager
def without_pillow_warnings() -> Iterator[None]:
    """Without Pillow's warnings of pictures that are large or odd, but read rightly.

    To be opened once around the threads that read, never inside them: the filters of warnings are the process's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def picture(content: bytes) -> Image.Image:
    """The picture in a file as 8-bit RGB, upright.

    Grey becomes three equal channels; palettes are looked up; CMYK is converted without a colour profile; 16-bit
    grey is divided by 257 (65535 becomes 255); floating point must lie in 0 to 1; what is transparent is laid over
    white; EXIF rotation is applied; of an animation the first frame counts.

    Args:
        content: the bytes of the file.
    Raises:
        UnreadablePicture: no picture, a truncated one, values without a known scale, or more than twice
            `PIL.Image.MAX_IMAGE_PIXELS` (179 million pixels unless you set it), which Pillow takes for an attack.
    """
    if not content:
        raise UnreadablePicture("the file is empty")
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return _rgb(ImageOps.exif_transpose(opened))
    except UnreadablePicture:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"{error} (raise PIL.Image.MAX_IMAGE_PIXELS if you trust the file)") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadablePicture(f"no picture: it begins with {content[:16]!r}") from error
    except Exception as error:  # Pillow's readers raise whatever their format's parser does
        raise UnreadablePicture(f"{type(error).__name__}: {error}") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;"):
        image = _scaled(np.asarray(image), SIXTEEN_BIT)
    elif image.mode == "F":
        image = _scaled(np.asarray(image), 1.0)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return image.convert("RGB")


def _scaled(values: np.ndarray, top: float) -> Image.Image:
    """Grey values from 0 to `top` as 8 bit."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= top):  # NaN fails too
        raise UnreadablePicture(f"grey values from {low} to {high} have no known scale; expected 0 to {top:g}")
    return Image.fromarray(np.round(values * (255 / top)).astype(np.uint8))

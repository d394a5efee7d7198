"""Random views of an image: a crop, colours, a flip, from parameters that one generator draws.

The transforms are torchvision's on PIL images, as in the official code of every method, and at 32 pixels several
times faster than on tensors; what they draw comes from the given generator, so no global state is touched.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from PIL import Image, ImageFilter
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

RATIO = (3 / 4, 4 / 3)  # width to height of a crop
TRIES = 10  # crops drawn before the middle of the image is taken
SIGMA = (0.1, 2.0)  # of the blur, in pixels
THRESHOLD = 128  # solarising inverts values from here on


@dataclasses.dataclass(frozen=True)
class View:
    """What may happen to an image on its way into a view, in this order: crop, jitter, grey, blur, solarise, flip.

    Attributes:
        size: side of the view in pixels.
        scale: smallest and largest share of the image's area that a crop takes.
        flip: probability of a horizontal flip.
        jitter: strength of brightness, contrast, saturation (factor 1 - s to 1 + s) and hue (turn -s to s).
        jitter_p: probability that the four are applied, in a random order.
        grey: probability of grey.
        blur: probability of a Gaussian blur with a sigma of 0.1 to 2 pixels.
        solarise: probability of inverting the values from 128 on.
        bicubic: interpolation of the crop; else bilinear.
    Source: Grill et al. 2020 (BYOL, arXiv:2006.07733), appendix B; Chen et al. 2021 (MoCo v3, arXiv:2104.02057).
    """

    size: int
    scale: tuple[float, float]
    flip: float = 0.5
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    jitter_p: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    solarise: float = 0.0
    bicubic: bool = False

    def __call__(self, image: Image.Image, generator: np.random.Generator) -> Image.Image:
        """One view of an RGB image, `size` x `size` pixels."""
        top, left, height, width = crop_box(image.height, image.width, self.scale, generator)
        interpolation = InterpolationMode.BICUBIC if self.bicubic else InterpolationMode.BILINEAR
        image = transforms.resized_crop(image, top, left, height, width, [self.size, self.size], interpolation)
        if _happens(self.jitter_p, generator):
            image = jittered(image, self.jitter, generator)
        if _happens(self.grey, generator):
            image = transforms.rgb_to_grayscale(image, 3)
        if _happens(self.blur, generator):
            image = image.filter(ImageFilter.GaussianBlur(generator.uniform(*SIGMA)))
        if _happens(self.solarise, generator):
            image = transforms.solarize(image, THRESHOLD)
        return transforms.horizontal_flip(image) if _happens(self.flip, generator) else image


def crop_box(
    height: int, width: int, scale: tuple[float, float], generator: np.random.Generator
) -> tuple[int, int, int, int]:
    """(top, left, height, width) in pixels of a random crop: a uniform share of the area, a log-uniform aspect ratio.

    After ten crops that do not fit, the largest in the middle with an aspect ratio of 3/4 to 4/3, as torchvision.
    """
    for _ in range(TRIES):
        area = height * width * generator.uniform(*scale)
        ratio = math.exp(generator.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1)), h, w
    w = min(width, round(height * RATIO[1]))
    h = min(height, round(width / RATIO[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def jittered(
    image: Image.Image, strength: tuple[float, float, float, float], generator: np.random.Generator
) -> Image.Image:
    """Brightness, contrast, saturation and hue changed by random amounts, in a random order."""
    brightness, contrast, saturation = (generator.uniform(max(0.0, 1 - s), 1 + s) for s in strength[:3])
    hue = generator.uniform(-strength[3], strength[3])
    changes = (
        (transforms.adjust_brightness, brightness),
        (transforms.adjust_contrast, contrast),
        (transforms.adjust_saturation, saturation),
        (transforms.adjust_hue, hue),
    )
    for number in generator.permutation(len(changes)):
        change, amount = changes[number]
        image = change(image, amount)
    return image


def _happens(probability: float, generator: np.random.Generator) -> bool:
    return generator.random() < probability

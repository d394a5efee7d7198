"""Which patches are hidden: SimMIM's blocks and MAE's noise."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Int64

Generator = np.random.Generator | np.random.RandomState


def block_mask(
    *, image_size: int, mask_patch: int, patch_size: int, ratio: float, generator: Generator
) -> Int64[np.ndarray, "row column"]:
    """SimMIM's mask on the grid of patches, 1 where masked; whole blocks of `mask_patch` pixels are hidden.

    The first `ceil(blocks * ratio)` of a permutation of the blocks: the same number in every image, 30 of 49 for
    blocks of 32 in 224 pixels and a ratio of 0.6. The ceil is of the binary product, so 100 * 0.55 is 56.

    Args:
        image_size: side of the image in pixels, a multiple of `mask_patch`.
        mask_patch: side of a block in pixels, a multiple of `patch_size`.
        patch_size: side of a patch in pixels.
        ratio: share of the blocks that is masked, 0 to 1.
    Raises:
        ValueError: sizes that do not divide, or a ratio outside 0 to 1.
    Source: Xie et al. 2022 (arXiv:2111.09886), section 3.2.
    """
    _check(image_size, mask_patch, patch_size, ratio)
    side = image_size // mask_patch
    blocks = np.zeros(side * side, dtype=np.int64)
    blocks[generator.permutation(side * side)[: math.ceil(side * side * ratio)]] = 1
    scale = mask_patch // patch_size
    return blocks.reshape(side, side).repeat(scale, axis=0).repeat(scale, axis=1)


def token_noise(tokens: int, *, generator: np.random.Generator) -> Float32[np.ndarray, "token"]:
    """MAE's noise, uniform in [0, 1): the patches with the smallest stay visible, in the order of their noise.

    Source: He et al. 2022 (arXiv:2111.06377), section 3.
    """
    return generator.random(tokens, dtype=np.float32)


def _check(image_size: int, mask_patch: int, patch_size: int, ratio: float) -> None:
    if image_size % mask_patch:
        raise ValueError(f"SIMMIM.MASK_PATCH={mask_patch} does not divide an image of {image_size} pixels")
    if mask_patch % patch_size:
        raise ValueError(f"SIMMIM.MASK_PATCH={mask_patch} is no multiple of the patch size {patch_size}")
    if not 0 <= ratio <= 1:
        raise ValueError(f"SIMMIM.RATIO={ratio}; expected a share from 0 to 1")

"""Attention maps as bytes: 8 bits for each value, a scale for each map."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

LEVELS = 255


@dataclasses.dataclass(frozen=True)
class Packed:
    """Maps of one image, model and depth.

    Attributes:
        content: a zlib stream of one scale for each map (float32, little-endian), then one byte for each value;
            value = byte * scale, maps in the order head, query.
        error: the largest difference from what was packed.
        size: characters that the content takes in the page, in base64.
    """

    content: bytes = dataclasses.field(repr=False)
    error: float
    size: int


def packed(maps: np.ndarray) -> Packed:
    """Maps (head query patch), not negative and none of them all zero, as bytes.

    The largest value of each map becomes 255, so that the error is at most 1 / 510 of it.

    >>> maps = np.array([[[0.25, 0.75], [1.0, 0.0]]])
    >>> unpacked(packed(maps).content, maps.shape).round(6)
    array([[[0.25, 0.75],
            [1.  , 0.  ]]])
    """
    scales = (maps.max(axis=-1) / LEVELS).astype("<f4")
    codes = np.clip(np.round(maps / scales[..., None]), 0, LEVELS).astype(np.uint8)
    squeeze = zlib.compressobj(strategy=zlib.Z_RLE)  # maps repeat nothing but zeros, and searching is slow
    content = squeeze.compress(scales.tobytes() + codes.tobytes()) + squeeze.flush()
    error = float(np.abs(_values(codes, scales) - maps).max())
    return Packed(content, error, 4 * -(-len(content) // 3))


def unpacked(content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """What the page makes of it: maps (head query patch) in float64.

    Args:
        content: of `packed`.
        shape: of the maps.
    """
    heads, queries, patches = shape
    plain = zlib.decompress(content)
    scales = np.frombuffer(plain, "<f4", heads * queries).reshape(heads, queries)
    codes = np.frombuffer(plain, np.uint8, heads * queries * patches, offset=scales.nbytes).reshape(shape)
    return _values(codes, scales)


def _values(codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return codes * scales[..., None].astype(float)

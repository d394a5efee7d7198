"""Textured circles, squares and triangles on wavy ground, drawn as a function of (seed, index): no download."""

from __future__ import annotations

import dataclasses
import hashlib
import math

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from .masks import MaskedImages

CLASSES = ("background", "circle", "square", "triangle")
GROUND = 0
SEEDS = {"shapes": 0, "shapes-test": 1}
SIDE = 32  # pixels, where none is said
COUNT = 400  # images, where no limit is given
VERSION = 1  # raised whenever the same numbers give other pictures
DRAW = 3  # first word of a seed, so that shapes draw from a stream of their own
MOST = 3  # shapes in an image
TRIES = 20  # places that a shape is tried at before it is left out
RADII = (0.2, 0.28)  # of the circle of a shape's area, as shares of the image's side
REACH = 1.1  # of a shape's centre from the border, in radii; sharp corners may be cut off
PERIODS = (5.0, 8.0)  # of stripes and checks across the image
SLOW = (0.5, 1.5)  # of the ground
SHARPNESS = 2.0  # of a texture, between a sine (0) and two flat colours
APART = (0.3, 0.7)  # of two colours, in each channel, around the circle of 0 to 1
NOISE = 0.03  # standard deviation of the pixels, on a scale of 0 to 1


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Draws pairs.

    Attributes:
        seed: of all images.
        side: of an image in pixels.
    """

    seed: int
    side: int

    def __call__(self, index: int) -> tuple[Image.Image, np.ndarray]:
        pixels, mask = drawn(seed=self.seed, index=index, side=self.side)
        return Image.fromarray(pixels), mask


def shape_pairs(where: str, *, limit: int | None = None) -> MaskedImages | None:
    """The pairs that `shapes` or `shapes-test` stands for, alone or with `:SIDE` in pixels; else None.

    Args:
        where: the name.
        limit: how many to draw; 400 where none is given.
    Raises:
        ValueError: the side is no number of pixels from 16 on.
    """
    name, colon, text = where.partition(":")
    if name not in SEEDS:
        return None
    if colon and not (text.isdecimal() and int(text) >= 16):
        raise ValueError(f"{where}: expected `{name}` or `{name}:SIDE` with a side of at least 16 pixels")
    shapes = Shapes(SEEDS[name], int(text) if colon else SIDE)
    count = COUNT if limit is None else limit
    digest = hashlib.sha256(f"shapes {VERSION} {shapes.seed} {shapes.side} {count}".encode()).hexdigest()
    return MaskedImages(where, tuple(f"{index:06d}" for index in range(count)), CLASSES, digest, digest, shapes)


def drawn(
    *, seed: int, index: int, side: int
) -> tuple[UInt8[np.ndarray, "row column 3"], UInt8[np.ndarray, "row column"]]:
    """(picture, class numbers): one to three textured shapes on wavy ground.

    Colours come from one distribution everywhere, and a circle, a square and a triangle of one radius have the same
    area: neither colour nor size tells the class, texture and outline do. No shape covers another; one that finds no
    room is left out.

    Args:
        seed: of all images.
        index: of this one; the same numbers give the same picture.
        side: of the image in pixels.
    """
    generator = np.random.default_rng([DRAW, seed, index])
    picture = _texture(GROUND, generator, side)
    mask = np.zeros((side, side), dtype=np.uint8)
    for _ in range(generator.integers(1, MOST + 1)):
        kind = int(generator.integers(1, len(CLASSES)))
        inside = _free(kind, generator, mask > 0)
        picture = np.where(inside[..., None], _texture(kind, generator, side), picture)
        mask[inside] = kind
    picture = picture + generator.normal(0, NOISE, picture.shape)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8), mask


def _texture(kind: int, generator: np.random.Generator, side: int) -> Float[np.ndarray, "row column 3"]:
    """Two colours mixed: stripes in circles, checks in squares, speckles in triangles, on ground of one slow wave."""
    turn, phase, other_phase = generator.uniform(0, 2 * math.pi, 3)
    periods = generator.uniform(*(SLOW if kind == GROUND else PERIODS))
    x, y = _centred(side)
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    wave = np.sin(2 * math.pi * periods * along + phase)
    if CLASSES[kind] == "square":
        wave = wave * np.sin(2 * math.pi * periods * across + other_phase)
    if CLASSES[kind] == "triangle":
        wave = generator.uniform(-1, 1, (side, side))
    return _coloured(generator, (np.tanh(SHARPNESS * wave) + 1) / 2)


def _coloured(
    generator: np.random.Generator, share: Float[np.ndarray, "row column"]
) -> Float[np.ndarray, "row column 3"]:
    """A mixture of two colours, each uniform but far from the other, by the share of the first."""
    one = generator.random(3)
    other = (one + generator.uniform(*APART, 3)) % 1
    return one * share[..., None] + other * (1 - share[..., None])


def _free(
    kind: int, generator: np.random.Generator, taken: Bool[np.ndarray, "row column"]
) -> Bool[np.ndarray, "row column"]:
    """Pixels of a shape that covers none of those taken; none where there is no room."""
    tries = (_inside(kind, generator, len(taken)) for _ in range(TRIES))
    return next((inside for inside in tries if not (inside & taken).any()), np.zeros_like(taken))


def _inside(kind: int, generator: np.random.Generator, side: int) -> Bool[np.ndarray, "row column"]:
    """Pixels of a shape of any place, direction and size."""
    radius = generator.uniform(*RADII)
    centre = generator.uniform(REACH * radius - 0.5, 0.5 - REACH * radius, 2)
    turn = generator.uniform(0, 2 * math.pi)
    x, y = _centred(side)
    x, y = x - centre[0], y - centre[1]
    if CLASSES[kind] == "circle":
        return x**2 + y**2 <= radius**2
    return _polygon(x, y, corners={"square": 4, "triangle": 3}[CLASSES[kind]], area=math.pi * radius**2, turn=turn)


def _polygon(x: np.ndarray, y: np.ndarray, *, corners: int, area: float, turn: float) -> Bool[np.ndarray, "row column"]:
    """Points of a regular polygon around the origin: those on the inner side of all its edges."""
    distance = math.sqrt(area / (corners * math.tan(math.pi / corners)))  # of an edge from the centre
    normals = turn + 2 * math.pi * np.arange(corners) / corners
    return np.all([x * math.cos(normal) + y * math.sin(normal) <= distance for normal in normals], axis=0)


def _centred(side: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the pixels' centres, from -0.5 to 0.5 across the image."""
    line = (np.arange(side) + 0.5) / side - 0.5
    return np.meshgrid(line, line)

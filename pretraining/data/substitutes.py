"""A readable image in place of a broken one: a file among a million does not end a training."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from study.data import BrokenImages
from study.pictures import UnreadablePicture

IN_A_ROW = 100
"""As many broken images in a row are no accident, and the training ends."""


def readable(images: Sequence[Image.Image], candidates: Iterable[int], named: set[int]) -> tuple[int, Image.Image]:
    """(number, image) of the first candidate that is a readable image; those before it are named in a warning once.

    Only broken files are passed over. One that is missing, or a disk that does not answer, stays an error: it may be
    there again tomorrow, and the training would not be the same.

    Args:
        images: by number.
        candidates: numbers in the order of preference.
        named: numbers that were warned of, to which new ones are added.
    Raises:
        OSError: a file cannot be read at all.
        ValueError: 100 candidates or all are broken.
    """
    reasons: list[UnreadablePicture] = []
    for number in itertools.islice(candidates, IN_A_ROW):
        try:
            image = images[number]
        except UnreadablePicture as error:
            reasons.append(error)
            if number not in named:
                named.add(number)
                warnings.warn(f"{error}; the next readable image takes its place", BrokenImages, stacklevel=2)
            continue
        return number, image
    raise ValueError(f"{len(reasons)} images in a row could not be read, the first: {reasons[0]}")


def from_on(index: int, count: int) -> Iterator[int]:
    """All numbers below `count` from `index` on, round the end.

    >>> list(from_on(2, 4))
    [2, 3, 0, 1]
    """
    return itertools.chain(range(index, count), range(index))

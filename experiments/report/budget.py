"""What of the attention maps goes into a page of limited size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal

FEWEST = 4  # depths that are kept before images are given up
Kind = Literal["heads", "mean"]


@dataclasses.dataclass(frozen=True)
class Form:
    """How much of the attention a page shows.

    Attributes:
        images: how many, from the first on.
        depths: how many of each model, spread from the first block to the last.
        kind: heads, or mean for the mean over heads alone.
    """

    images: int
    depths: int
    kind: Kind


def forms(images: int, depths: int) -> Iterator[Form]:
    """From everything to the least: first fewer depths, then fewer images, then only the mean over heads.

    >>> [(form.images, form.depths) for form in forms(2, 6) if form.kind == "heads"]
    [(2, 6), (2, 5), (2, 4), (1, 4), (1, 3), (1, 2), (1, 1)]
    """
    fewest = min(FEWEST, depths)
    kinds: tuple[Kind, ...] = ("heads", "mean")
    for kind in kinds:
        yield from (Form(images, number, kind) for number in range(depths, fewest - 1, -1))
        yield from (Form(number, fewest, kind) for number in range(images - 1, 0, -1))
        yield from (Form(1, number, kind) for number in range(fewest - 1, 0, -1))


def largest_form(images: int, depths: int, size: Callable[[Form], float], limit: int) -> Form:
    """The first of the forms that fits.

    Args:
        images, depths: how many there are.
        size: of a form, in bytes.
        limit: in bytes.
    Raises:
        ValueError: not even the least fits.
    """
    for form in forms(images, depths):
        if size(form) <= limit:
            return form
    least = size(Form(1, 1, "mean")) / 1e6
    raise ValueError(
        f"the attention explorer needs {least:.1f} MB for one image and one depth of each model, and "
        f"{max(limit, 0) / 1e6:.1f} MB are left: raise --limit-mb, name fewer --models, or none"
    )

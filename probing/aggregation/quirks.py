"""What the code of Beyond [cls] computes otherwise than defined, by name: never the default."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable

_CENTRAL_ATTENTION = ("ca1", "ca2", "ca3", "ca4")


@dataclasses.dataclass(frozen=True)
class Quirk:
    """One thing that the release does otherwise.

    Attributes:
        poolings: whose numbers change.
        meaning: in words.
    """

    poolings: tuple[str, ...]
    meaning: str


QUIRKS: dict[str, Quirk] = {
    "mean-of-weighted": Quirk(
        (*_CENTRAL_ATTENTION, "oracle"),
        "the mean of weight times token over N patches, 1 / N of the weighted sum; of features so small the 1e-6 in "
        "a BatchNorm counts",
    ),
    "oracle-not-renormalised": Quirk(("oracle",), "attention to patches is not divided by its sum"),
    "epsilon": Quirk(
        (*_CENTRAL_ATTENTION, "lowest_entropy_head"),
        "1e-6 is added to the sum that weights are divided by; where a head is chosen, also inside the logarithm of "
        "its entropy",
    ),
    "off-centre": Quirk(
        ("cp1", "cp3", "ca1", "ca3"),
        "where a side of the grid is odd, one patch too far up, or left (nothing changes on 14 x 14)",
    ),
}
"""By name. The release's two other faults change no number here: its `both` does not run, and its layer 0 is the last
block."""

EPSILON = 1e-6


def known_quirks(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        ValueError: one of them is not known; the message gives the nearest.
    """
    asked = frozenset(names)
    for name in sorted(asked - QUIRKS.keys()):
        near = difflib.get_close_matches(name, QUIRKS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(QUIRKS)}"
        raise ValueError(f"unknown quirk {name!r}; {hint}")
    return asked

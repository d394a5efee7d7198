"""Which ranks and depths the figure of singular spectra shows, and what the user must read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..applicable import NotApplicable

RANKS = (64, 128)
"""Those that the paper shows over depth."""

GROUPS = 20
"""Of images, for the jackknife of the image level."""

DRAWN = 5  # depths, where the user names none
ENOUGH = 4  # images for each channel, above which small singular values of the image level are not much too small

Sizes = Mapping[str, Mapping[str, Any]]
"""Of each model: grid, depth, channels."""


def shown_ranks(sizes: Sizes, images: int) -> dict[str, list[int]]:
    """The ranks to show over depth, of each level that so many images allow."""
    ranks = {"tokens": common_ranks([min(_patches(size) - 1, size["channels"]) for size in sizes.values()])}
    if images > 1:
        most = images - 1 if images > RANKS[-1] else images - 1 - -(-images // GROUPS)  # so that intervals exist
        ranks["images"] = common_ranks([max(1, min(most, size["channels"])) for size in sizes.values()])
    return ranks


def common_ranks(limits: Sequence[int]) -> list[int]:
    """The paper's two ranks, both halved until every model has them.

    >>> common_ranks([195, 767]), common_ranks([63]), common_ranks([195, 96]), common_ranks([1])
    ([64, 128], [16, 32], [32, 64], [1])
    """
    ranks = RANKS
    while ranks[-1] > min(limits):
        ranks = tuple(rank // 2 for rank in ranks)
    return [rank for rank in ranks if rank > 0]


def drawn_depths(asked: Sequence[int], model: str, depth: int) -> list[int]:
    """The depths whose whole spectra are drawn: those asked for, else five, spread from the embedding on.

    Raises:
        NotApplicable: the model does not have such a depth.

    >>> drawn_depths([], "moco", 12)
    [0, 3, 6, 9, 12]
    """
    wrong = [one for one in asked if not 0 <= one <= depth]
    if wrong:
        raise NotApplicable(f"--depths {wrong[0]}: {model} has depths 0 (the embedding) to {depth}")
    count = min(DRAWN, depth + 1)
    return sorted(set(asked)) or [round(number * depth / max(1, count - 1)) for number in range(count)]


def few_for(sizes: Sizes, images: int) -> int | None:
    """The most channels of a model, where the images are few for so many; None where they are enough, or a single one.

    >>> few_for({"a": {"channels": 96}}, 250), few_for({"a": {"channels": 96}}, 385)
    (96, None)
    """
    channels = max(size["channels"] for size in sizes.values())
    return channels if 1 < images <= ENOUGH * channels else None


def notes(ranks: Mapping[str, Sequence[int]], groups: Mapping[str, int], sizes: Sizes, images: int) -> list[str]:
    """What the user must read.

    Args:
        ranks: shown over depth, by level.
        groups: of the jackknife, by model.
        sizes: of the models.
        images: how many.
    """
    said = [
        f"{level} level: over depth {_ordinals(shown)} in place of the 64th and 128th value, which not every model has "
        f"here ({_limit(level, sizes, images)})"
        for level, shown in ranks.items()
        if tuple(shown) != RANKS
    ]
    if "images" not in ranks:
        return [*said, "images level: left out, a covariance over images needs at least 2 of them"]
    said.append(_held(groups, sizes))
    channels = few_for(sizes, images)
    if channels is not None:
        said.append(
            f"images level: {images} images for {channels} channels; small singular values come out too small, so "
            "compare models on the same images only"
        )
    return said


def _ordinals(ranks: Sequence[int]) -> str:
    """
    >>> _ordinals([1]), _ordinals([16, 32])
    ('the 1st', 'the 16th and the 32nd')
    """
    endings = {1: "st", 2: "nd", 3: "rd"}
    named = [f"the {rank}{'th' if 10 < rank % 100 < 14 else endings.get(rank % 10, 'th')}" for rank in ranks]
    return " and ".join(named)


def _held(groups: Mapping[str, int], sizes: Sizes) -> str:
    """What the intervals of the image level cost, of the largest model."""
    from .spectra import covariance_bytes

    held = {name: groups[name] * covariance_bytes(size["channels"], size["depth"] + 1) for name, size in sizes.items()}
    largest = max(held, key=lambda name: held[name])
    return (
        f"images level: intervals by a jackknife that leaves out one of {groups[largest]} groups of images; their "
        f"covariances take {held[largest] / 2**20:.0f} MiB in {largest}, however many images there are"
    )


def _limit(level: str, sizes: Sizes, images: int) -> str:
    """The size that sets the highest rank."""
    fewest = min(size["channels"] for size in sizes.values())
    if level == "images":
        return f"{images} images, {fewest} channels"
    name = min(sizes, key=lambda one: min(_patches(sizes[one]) - 1, sizes[one]["channels"]))
    return f"{name}: {_patches(sizes[name])} tokens of {sizes[name]['channels']} channels"


def _patches(size: Mapping[str, Any]) -> int:
    return size["grid"][0] * size["grid"][1]

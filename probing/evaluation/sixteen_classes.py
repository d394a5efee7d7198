"""The 16 everyday classes of cue-conflict images, and which of ImageNet's 1000 classes belong to each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

IMAGENET = 1000


def _numbers(ranges: str) -> tuple[int, ...]:
    """Whole numbers from ranges such as "8 10-12", both ends counted."""
    ends = [[int(end) for end in part.split("-")] for part in ranges.split()]
    return tuple(number for first, *last in ends for number in range(first, (last or [first])[0] + 1))


MEMBERS = {
    name: _numbers(ranges)
    for name, ranges in {
        "airplane": "404",
        "bear": "294-297",
        "bicycle": "444 671",
        "bird": "8 10-16 18-20 22-24 80-83 87-96 98-100 127-133 135-145",
        "boat": "472 554 625 814 914",
        "bottle": "440 720 737 898-899 901 907",
        "car": "436 511 817",
        "cat": "281-286",
        "chair": "423 559 765 857",
        "clock": "409 530 892",
        "dog": "152-191 193-203 205-226 228-241 243-250 252-257 259 261-263 265-268",
        "elephant": "385-386",
        "keyboard": "508 878",
        "knife": "499",
        "oven": "766",
        "truck": "555 569 656 675 717 734 864 867",
    }.items()
}
"""ImageNet-1k classes of each, counted from 0 in the order of sorted WordNet ids; most of the 1000 belong to none.
Source: Geirhos et al. 2019 (arXiv:1811.12231), public class list of their experiments."""

SIXTEEN = tuple(MEMBERS)
"""Their names in alphabetical order: class number n of every decision is SIXTEEN[n]."""


def sixteen_from_imagenet(logits: Float[Tensor, "*batch 1000"]) -> Float[Tensor, "*batch 16"]:
    """Mean probability of the members of each of the 16 classes, from logits over ImageNet's 1000; in float64.

        score[c] = mean over i in members(c) of softmax(logits)[i]

    The mean, not the sum, so that "dog" with its 109 breeds has no head start over "knife" with one class.

    Returns:
        0 to 1; they need not sum to 1. The largest decides, the alphabetically first among equals.
    Raises:
        ValueError: not 1000 logits, or some that are NaN or infinite.
    Source: Geirhos et al. 2019 (arXiv:1811.12231), section 2.4 and public code.

    >>> logits = torch.zeros(1000); logits[386] = 9.0  # African elephant
    >>> SIXTEEN[int(sixteen_from_imagenet(logits).argmax())]
    'elephant'
    """
    if logits.shape[-1] != IMAGENET:
        raise ValueError(f"logits has {logits.shape[-1]} classes; expected ImageNet-1k's {IMAGENET}, in its order")
    if not logits.isfinite().all():
        raise ValueError(f"logits has {int((~logits.isfinite()).sum())} values that are NaN or infinite")
    probabilities = logits.double().softmax(dim=-1)
    return torch.stack([probabilities[..., list(members)].mean(dim=-1) for members in MEMBERS.values()], dim=-1)


def scores_of_sixteen(classes: Sequence[str]) -> Callable[[Tensor], Tensor]:
    """How logits over these classes, in this order, become scores of the 16.

    Args:
        classes: the 16 names in any order, or ImageNet's 1000: as WordNet ids ("n01440764") or as "0" ... "999".
    Returns:
        A function from (batch class) to (batch 16): the same logits in the order of `SIXTEEN`, or
        `sixteen_from_imagenet`.
    Raises:
        ValueError: any other classes.

    >>> scores_of_sixteen(sorted(SIXTEEN, reverse=True))(torch.arange(16.0)).argmax().item()
    0
    """
    if len(classes) == len(SIXTEEN) and set(classes) == set(SIXTEEN):
        order = [list(classes).index(name) for name in SIXTEEN]
        return lambda logits: logits[..., order]
    if _is_imagenet(classes):
        return sixteen_from_imagenet
    missing = [name for name in SIXTEEN if name not in classes]
    shown = ", ".join(classes[:5]) + (" ..." if len(classes) > 5 else "")
    raise ValueError(
        f"the probes know {len(classes)} classes ({shown}); expected exactly the 16 of cue-conflict images "
        f"({', '.join(SIXTEEN)}), of which {len(missing)} are missing, or ImageNet's 1000 by WordNet id or number: "
        "train probes on those"
    )


def _is_imagenet(classes: Sequence[str]) -> bool:
    """Whether class n of the list is ImageNet-1k's class n, as far as the names tell."""
    if len(classes) != IMAGENET:
        return False
    by_id = all(re.fullmatch(r"n\d{8}", name) for name in classes) and list(classes) == sorted(classes)
    return by_id or list(classes) == [str(number) for number in range(IMAGENET)]

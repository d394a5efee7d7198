"""The rule that tells foreground from background in a PCA picture, as it is typed: `above:0.5` or `below:0.35`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SIDES = ("above", "below")


def foreground(rule: str) -> Callable[[Any], Any] | None:
    """From the first component, scaled to 0 ... 1, to True where it is foreground; None for an empty rule.

    Raises:
        ValueError: the rule is not `above:SHARE` or `below:SHARE` with a share between 0 and 1.

    >>> foreground("below:0.35")(0.2)
    True
    """
    if not rule:
        return None
    side, _, share = rule.partition(":")
    try:
        threshold = float(share)
    except ValueError:
        threshold = float("nan")
    if side not in SIDES or not 0 < threshold < 1:
        raise ValueError(
            f"--foreground {rule}: expected above:SHARE or below:SHARE with a share between 0 and 1, such as above:0.5"
        )
    return (lambda first: first > threshold) if side == "above" else (lambda first: first < threshold)

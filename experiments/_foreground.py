"""The rule that tells foreground from background in a PCA picture, as it is typed: `above:0.5` or `below:0.35`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SIDES = ("above", "below")


def foreground_rule(typed: str) -> str:
    """The rule as it was typed, if it is one.

    Raises:
        ValueError: it is not `above:SHARE` or `below:SHARE` with a share between 0 and 1.

    >>> foreground_rule("above:0.5")
    'above:0.5'
    """
    side, _, share = typed.partition(":")
    try:
        inside = 0 < float(share) < 1
    except ValueError:
        inside = False
    if side not in SIDES or not inside:
        raise ValueError(
            f"--foreground {typed}: expected above:SHARE or below:SHARE with a share between 0 and 1, such as above:0.5"
        )
    return typed


def foreground(rule: str) -> Callable[[Any], Any] | None:
    """From the first component, scaled to 0 ... 1, to True where it is foreground; None for an empty rule.

    Raises:
        ValueError: as `foreground_rule`.

    >>> foreground("below:0.35")(0.2)
    True
    """
    if not rule:
        return None
    side, _, share = foreground_rule(rule).partition(":")
    threshold = float(share)
    return (lambda first: first > threshold) if side == "above" else (lambda first: first < threshold)

"""A number with the ends of its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..stored.difference import difference

LEVEL = 0.95
POINTS = 100  # in 1


class Interval(NamedTuple):
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def points_between(one: Mapping[str, Any], other: Mapping[str, Any]) -> Interval:
    """One result less another, in points; intervals as `experiments.stored.difference` gives them.

    >>> points_between({"value": 0.5, "low": 0.47, "high": 0.53}, {"value": 0.4, "low": 0.36, "high": 0.44}).value
    10.0
    """
    ends = difference(one, other)
    return Interval(*(round(POINTS * float(ends[name]), 9) for name in ("value", "low", "high")))

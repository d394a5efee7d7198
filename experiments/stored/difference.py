"""The difference of two results of which only values and intervals are known, not the answers to single images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

UNPAIRED = (
    "Answers to single images are not stored: intervals of differences add both half-widths in quadrature, as of "
    "independent images; on the same images they are rather too wide"
)


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """value, low and high of one minus the other.

        value - low  = sqrt((one.value - one.low)^2 + (other.high - other.value)^2)
        high - value = sqrt((one.high - one.value)^2 + (other.value - other.low)^2)

    Args:
        one, other: each with value, low and high: numbers, or columns of a table.

    >>> difference({"value": 0.7, "low": 0.67, "high": 0.73}, {"value": 0.5, "low": 0.46, "high": 0.54})["low"].round(3)
    np.float64(0.15)
    """
    value = one["value"] - other["value"]
    below = np.hypot(one["value"] - one["low"], other["high"] - other["value"])
    above = np.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return {"value": value, "low": value - below, "high": value + above}

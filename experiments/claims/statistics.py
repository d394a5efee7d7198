"""Statistics of curves over depth that claims are made of; each is above 0 where the statement is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from .evidence import Evidence
from .interval import Interval

Statistic = Callable[[Evidence], Interval | None]
Who = Literal["cl", "mim"]


def late(curve: np.ndarray) -> float:
    """Mean over the second half of the blocks."""
    return float(curve[len(curve) // 2 :].mean())


def early(curve: np.ndarray) -> float:
    """Mean over the first half of the blocks."""
    return float(curve[: len(curve) // 2].mean())


def last(curve: np.ndarray) -> float:
    """At the last block."""
    return float(curve[-1])


def higher_in_cl(metric: str, part: Callable[[np.ndarray], float] = late) -> Statistic:
    """By how much a metric is higher in the contrastive model, over a part of the blocks."""
    return _gap(metric, part, sign=1.0)


def higher_in_mim(metric: str, part: Callable[[np.ndarray], float] = late) -> Statistic:
    """By how much it is higher in the masked model."""
    return _gap(metric, part, sign=-1.0)


def rises_in_cl_alone(metric: str) -> Statistic:
    """What is smaller: the rise from the first to the second half in the contrastive model, or its lead in rising."""
    return _change(metric, sign=1.0)


def falls_in_cl_alone(metric: str) -> Statistic:
    """The same of a fall."""
    return _change(metric, sign=-1.0)


def everywhere_higher_in_mim(metric: str) -> Statistic:
    """The smallest over depths of the masked model's lead: above 0 only where it leads at every depth."""

    def statistic(evidence: Evidence) -> Interval | None:
        if not evidence.comparable(metric):
            return None
        cl, mim = (evidence.curves(model, metric) for model in (evidence.cl, evidence.mim))
        return evidence.smallest(lambda a, b: b - a, cl, mim) if cl.shape == mim.shape else None

    return statistic


def _gap(metric: str, part: Callable[[np.ndarray], float], sign: float) -> Statistic:
    def statistic(evidence: Evidence) -> Interval | None:
        if not evidence.comparable(metric):
            return None
        cl, mim = (evidence.of_blocks(model, metric) for model in (evidence.cl, evidence.mim))
        return evidence.resampled(lambda a, b: sign * (part(a) - part(b)), cl, mim)

    return statistic


def _change(metric: str, sign: float) -> Statistic:
    def statistic(evidence: Evidence) -> Interval | None:
        if not evidence.comparable(metric):
            return None

        def changes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            own, other = (sign * (late(curve) - early(curve)) for curve in (a, b))
            return np.array([own, own - other])

        return evidence.smallest(changes, *(evidence.of_blocks(model, metric) for model in (evidence.cl, evidence.mim)))

    return statistic
